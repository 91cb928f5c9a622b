"""`python -m bind_inference load`: find media, embed what is new, write one Parquet file."""
