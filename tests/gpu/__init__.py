"""Tests of the engine on a GPU, by unittest: they need nothing but torch and numpy."""
