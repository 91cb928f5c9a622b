"""`python -m bind_inference convert` makes of a checkpoint as published the file that servers read."""
