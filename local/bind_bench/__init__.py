"""Benchmarks of the ImageBind server, beside the peer's container where a checkout of it is at hand."""
