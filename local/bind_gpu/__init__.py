"""Tests and benchmark of the engine on a GPU; torch, numpy and this checkout are all that they need."""
