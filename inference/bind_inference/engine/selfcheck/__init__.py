"""Whether a lower precision still gives the vectors that float32 gives, found out when it is loaded."""
