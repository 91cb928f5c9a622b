"""Texts of others become one line that a condition or an event can hold."""

import unicodedata

MAX_BYTES = 1000
"""The API server takes 1,024 bytes in an event, and `kubectl describe` shows no more than that well."""

_ELLIPSIS = "…"
_UNSHOWN = ("C", "Zl", "Zp")
"""Unicode's categories of what moves the cursor, turns the direction or is not shown at all."""


def one_line(text: str, max_bytes: int = MAX_BYTES) -> str:
    """Return `text` on one line, its lines parted by "; ", without control characters.

    It is cut between two letters where it is longer than `max_bytes` of UTF-8.
    """
    # Most are one line already, and a look writes a dozen; what is printable holds none of the unshown.
    whole = [text] if text.isprintable() else ["".join(map(_shown, line)) for line in text.splitlines()]
    lines = (line.split() for line in whole)
    joined = "; ".join(" ".join(words) for words in lines if words)
    encoded = joined.encode()
    if len(encoded) <= max_bytes:
        return joined
    return encoded[: max_bytes - len(_ELLIPSIS.encode())].decode(errors="ignore") + _ELLIPSIS


def _shown(letter: str) -> str:
    return " " if unicodedata.category(letter).startswith(_UNSHOWN) else letter
