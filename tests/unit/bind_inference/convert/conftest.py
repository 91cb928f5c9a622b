"""The checkpoint to convert."""

from support.checkpoint import published, published_sha256

__all__ = ["published", "published_sha256"]
