"""Releases: one version, written wherever it is repeated, and a changelog that says what is in it."""
