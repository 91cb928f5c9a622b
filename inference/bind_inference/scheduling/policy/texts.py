"""Decides which texts are tokenized in the event loop. Pure.

Short ones are, because the way to a decoder process takes longer than the work, and media may be before them
there. The cost of a text lies in its repair. It grows with the square of the length for one word (100,000
characters of one hold the interpreter for 2 s) and for entities in entities (`&amp;amp;`, 14 s), and is 14 µs
for each line and 10 µs for each character that looks out of place. What is quick takes 3 ms, 15 at worst.
"""

from __future__ import annotations

from typing import Final

# Characters of any text, of one with characters beyond ASCII, and of one in ASCII.
_ALWAYS: Final = 200
_ODD: Final = 600
LONGEST: Final = 2000
# What a longer one may have.
_LINES: Final = 20
_ENTITIES: Final = 16


def is_quick(text: str) -> bool:
    """Return whether `text` is tokenized so fast that the event loop can do it."""
    if len(text) <= _ALWAYS:
        return True
    if len(text) > (LONGEST if text.isascii() else _ODD):
        return False
    lines = text.count("\n") + text.count("\r")
    return lines <= _LINES and ("&" not in text or text.count(";") <= _ENTITIES)
