"""`python -m bind_inference convert`: a checkpoint as published to the file that servers read."""
