"""A sketch keeps the direction of a vector in a few bytes, so that a status can remember it."""

import functools
import hashlib
import math
from collections.abc import Sequence

NUMBERS = 32
"""A sketch has so many numbers of one byte. Two vectors and their sketches have nearly the same cosine."""

_STEPS = 127


def sketch(vector: Sequence[float]) -> str:
    """Return the sketch of a vector that is not zero, as hex digits: its length does not matter.

    Each number is the sum of the vector's numbers under fixed random signs (a random projection), so that a
    difference anywhere shows; all are scaled to length one and rounded to a byte.
    """
    sums = [math.fsum(map(float.__mul__, signs, map(float, vector))) for signs in _signs(len(vector))]
    length = math.hypot(*sums) or 1.0
    return bytes(round(_STEPS * value / length) & 0xFF for value in sums).hex()


def cosine(one: str, other: str) -> float:
    """Return the cosine of two sketches, -1 where one of them is none."""
    try:
        first, second = _numbers(one), _numbers(other)
    except ValueError:
        return -1.0
    lengths = math.hypot(*first) * math.hypot(*second)
    if len(first) != len(second) or lengths == 0.0:
        return -1.0
    return math.fsum(a * b for a, b in zip(first, second, strict=True)) / lengths


def _numbers(text: str) -> list[int]:
    return [byte - 256 if byte > _STEPS else byte for byte in bytes.fromhex(text)]


@functools.cache
def _signs(dimension: int) -> tuple[tuple[float, ...], ...]:
    """Return NUMBERS rows of signs, the same in every process."""
    bits = hashlib.shake_256(b"bindvectorizer").digest((NUMBERS * dimension + 7) // 8)
    signs = [1.0 if bits[i // 8] >> (i % 8) & 1 else -1.0 for i in range(NUMBERS * dimension)]
    return tuple(tuple(signs[row * dimension : (row + 1) * dimension]) for row in range(NUMBERS))
