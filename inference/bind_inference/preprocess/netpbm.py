"""Prepare Netpbm's pictures (PBM, PGM, PPM): Pillow reads head, comments and text in loops of Python."""

import re
from typing import Final

from bind_inference.errors import InvalidItem

HEAD_BYTES: Final = 1 << 16
"""Size, largest value and comments before the pixels: Pillow reads it byte by byte, 60 MB in ten seconds."""
_MAGIC: Final = re.compile(rb"P(?:[1-6f]|y\w+|0CMYK)\s")
_WITHOUT_LARGEST: Final = (b"P1", b"P4")  # of one bit
_COMMENT: Final = re.compile(rb"#[^\r\n]*[\r\n]?")


def prepare(data: bytes) -> bytes:
    """Return `data` as Pillow reads it quickly: plain netpbm without comments, anything else as it is.

    Pillow copies a megabyte for each comment among the pixels, so that 2 MB of "#" and line ends took a
    minute. Raises InvalidItem if the head does not end.
    """
    magic = _MAGIC.match(data)
    if magic is None:
        return data
    plain = data[:2] in {b"P1", b"P2", b"P3"}
    head = _COMMENT.sub(b"", data[:HEAD_BYTES])
    fields = 3 if data[:2] in _WITHOUT_LARGEST else 4
    if len(data) > HEAD_BYTES and len(head.split(maxsplit=fields)) < fields:
        raise InvalidItem(f"the head of the picture does not end within {HEAD_BYTES:,} bytes")
    return _COMMENT.sub(b"", data) if plain else data
