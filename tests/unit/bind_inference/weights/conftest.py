"""A small model that is read from a checkpoint, and that checkpoint."""

from support.checkpoint import published, published_sha256, small

__all__ = ["published", "published_sha256", "small"]
