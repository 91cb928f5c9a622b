"""Finds out, at the start, whether a lower precision gives the vectors that float32 gives."""
