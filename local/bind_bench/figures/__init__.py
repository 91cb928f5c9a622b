"""The figures: they follow from samples, stand beside their targets, and are printed and written."""
