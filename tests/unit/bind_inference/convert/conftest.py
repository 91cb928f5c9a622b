"""The checkpoint to convert, and the small model that it is of."""

from support.checkpoint import published, published_sha256, small

__all__ = ["published", "published_sha256", "small"]
