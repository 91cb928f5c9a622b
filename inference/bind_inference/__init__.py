"""ImageBind over HTTP: decode the bytes, queue the item, cut a batch, run it, answer each item by itself."""

__version__ = "0.1.0"
