"""The loop: which resource is looked at when, and what one look does."""
