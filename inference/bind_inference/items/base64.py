"""Decodes the string that a client sends into the bytes of its media."""

from __future__ import annotations

import binascii
import re

import pybase64

from bind_inference.errors import InvalidItem, MediaTooLarge

_DATA_URI = re.compile(r"data:[^,]{0,200},")
_WRAPPING = str.maketrans("", "", " \t\r\n")
_STANDARD = str.maketrans("-_", "+/", " \t\r\n")  # from the URL-safe alphabet


def decode_base64(text: str, max_bytes: int) -> bytes:
    """Return the bytes that `text` stands for.

    It may be of the standard or the URL-safe alphabet, in wrapped lines, without padding, or a `data:` URI
    with base64. Raises InvalidItem for anything else, MediaTooLarge above `max_bytes`.
    """
    if text.startswith("data:"):
        text = _strip_data_uri(text)
    if (
        len(text) // 4 * 3 > max_bytes + 3
        and (size := len(text.translate(_WRAPPING)) * 3 // 4) > max_bytes + 3
    ):
        raise MediaTooLarge(f"{size:,} bytes are above the limit of {max_bytes:,}")
    try:
        data = pybase64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        data = _decode_leniently(text)
    if len(data) > max_bytes:
        raise MediaTooLarge(f"{len(data):,} bytes are above the limit of {max_bytes:,}")
    if not data:
        raise InvalidItem("is empty; media are base64 strings")
    return data


def _strip_data_uri(text: str) -> str:
    header = _DATA_URI.match(text)
    if header is None or not header[0].casefold().endswith(";base64,"):
        raise InvalidItem("a data: URI must be base64, `data:<type>;base64,…`")
    return text[header.end() :]


def _decode_leniently(text: str) -> bytes:
    squeezed = text.translate(_STANDARD).rstrip("=")
    padded = squeezed + "=" * (-len(squeezed) % 4)
    try:
        return pybase64.b64decode(padded, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidItem("not valid base64") from None
