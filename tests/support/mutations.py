"""Breaks media in every way that a seed gives: the same for the same seed, on any machine."""

from __future__ import annotations

import random
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_HEADER = 512
_NASTY = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def mutations(data: bytes, others: Sequence[bytes], count: int, seed: int) -> Iterator[bytes]:
    """Yield `count` broken versions of a file; `others` are what parts of it are replaced with."""
    rng = random.Random(seed)
    kinds = (_flip, _truncate, _cut_out, _repeat, _edit_header, _edit_header, _edit_anywhere, _splice)
    for number in range(count):
        broken = bytearray(data)
        for _ in range(rng.choice((1, 1, 2, 5))):
            kinds[number % len(kinds)](broken, rng, others)
        yield bytes(broken)


def _flip(data: bytearray, rng: random.Random, _: Sequence[bytes]) -> None:
    for _bit in range(rng.choice((1, 3, 30, 300))):
        if data:
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _truncate(data: bytearray, rng: random.Random, _: Sequence[bytes]) -> None:
    del data[rng.randrange(len(data) + 1) :]


def _cut_out(data: bytearray, rng: random.Random, _: Sequence[bytes]) -> None:
    start = rng.randrange(len(data) + 1)
    del data[start : start + rng.choice((1, 4, 100, 5000))]


def _repeat(data: bytearray, rng: random.Random, _: Sequence[bytes]) -> None:
    start = rng.randrange(len(data) + 1)
    part = bytes(data[start : start + rng.choice((4, 64, 2000))])
    data[start:start] = part * rng.choice((1, 10))


def _edit_header(data: bytearray, rng: random.Random, _: Sequence[bytes]) -> None:
    """Put a number that nobody expects where headers have theirs."""
    _put(data, rng, min(len(data), _HEADER))


def _edit_anywhere(data: bytearray, rng: random.Random, _: Sequence[bytes]) -> None:
    _put(data, rng, len(data))


def _put(data: bytearray, rng: random.Random, before: int) -> None:
    size, order = rng.choice("BHI"), rng.choice("<>")
    number = rng.choice((*_NASTY, rng.getrandbits(32)))
    word = struct.pack(order + size, number & (1 << 8 * struct.calcsize(size)) - 1)
    start = rng.randrange(max(1, before))
    data[start : start + len(word)] = word


def _splice(data: bytearray, rng: random.Random, others: Sequence[bytes]) -> None:
    other = rng.choice(others)
    start, stop = sorted(rng.randrange(len(other) + 1) for _ in range(2))
    place = rng.randrange(len(data) + 1)
    data[place : place + rng.choice((0, stop - start))] = other[start : min(stop, start + 20_000)]


def box_fields(data: bytes, names: Sequence[bytes], fields: int = 9) -> Iterator[tuple[str, bytes]]:
    """Yield an MP4 with each of the first `fields` words of its named boxes set to numbers nobody expects."""
    for name in names:
        start = data.find(name)
        if start < 0:
            continue
        for field in range(-1, fields):  # -1 is the size of the box
            for number in (0, 1, 0x7FFFFFFF, 0xFFFFFFFF):
                place = start + 4 + 4 * field if field >= 0 else start - 4
                edited = data[:place] + struct.pack(">I", number) + data[place + 4 :]
                yield f"{name.decode()}[{field}] = {number:#x}", edited
