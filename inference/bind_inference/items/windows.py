"""Cuts a recording (audio, video) into windows, each of which has a vector of its own. Pure.

Times are whole milliseconds from the start of the recording, so that all processes cut alike.
"""

from __future__ import annotations

import hashlib
import struct
from bisect import bisect_left
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from bind_inference.modality import Modality

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bind_inference.items.embedding import Key

Span: TypeAlias = tuple[int, int]
"""Start and end in milliseconds; the end may lie behind that of the recording."""

WINDOWED: Final = tuple(modality for modality in Modality if modality.entry.clips)
LEAST_S: Final = 0.1
"""A window, and a stride, is at least so long: the model's own filterbank takes 25 ms."""
_CLIP_MS: Final = 2000


@dataclass(frozen=True)
class Windows:
    """A request asks for windows of this length, one every stride, that start in [start_ms, end_ms)."""

    length_ms: int
    stride_ms: int
    start_ms: int = 0
    end_ms: int | None = None

    def within(self, duration_ms: int) -> WindowGroup:
        """Return all windows that are asked for of a recording, as one group; it may be empty."""
        starts = _starts(self.length_ms, self.stride_ms, duration_ms)
        first = bisect_left(starts, self.start_ms)
        last = len(starts) if self.end_ms is None else bisect_left(starts, self.end_ms)
        return WindowGroup(self.length_ms, self.stride_ms, duration_ms, first, max(0, last - first))


NO_WINDOWS: Final[Mapping[Modality, Windows]] = MappingProxyType({})


@dataclass(frozen=True)
class WindowGroup:
    """Windows of one recording that follow each other: `count` of them, from number `first` on."""

    length_ms: int
    stride_ms: int
    duration_ms: int
    first: int
    count: int

    @property
    def spans(self) -> list[Span]:
        """Return the windows."""
        starts = _starts(self.length_ms, self.stride_ms, self.duration_ms)
        chosen = [starts[number] for number in range(self.first, self.first + self.count)]
        return [(start, start + self.length_ms) for start in chosen]

    @property
    def times_s(self) -> list[tuple[float, float]]:
        """Return start and end of each window in seconds, none behind the end of the recording."""
        return [(start / 1000, min(end, self.duration_ms) / 1000) for start, end in self.spans]

    def split(self, most: int) -> Iterator[WindowGroup]:
        """Yield it in groups of at most so many windows."""
        for first in range(self.first, self.first + self.count, most):
            count = min(most, self.first + self.count - first)
            yield WindowGroup(self.length_ms, self.stride_ms, self.duration_ms, first, count)

    def key(self, item: Key) -> Key:
        """Return the key of these windows of an item; the same stretches have the same, however asked for."""
        modality, digest = item
        starts = [number for span in self.spans for number in span]
        packed = struct.pack(f"<{len(starts)}q", *starts)
        return modality, hashlib.blake2b(digest + packed, digest_size=32).digest()


def pack_windows(windows: Mapping[Modality, Windows]) -> dict[str, Any]:
    """Return what JSON has of the windows that a request asks for by modality."""
    return {str(modality): asdict(wanted) for modality, wanted in windows.items()}


def unpack_windows(packed: Mapping[str, Any]) -> dict[Modality, Windows]:
    """Return the windows. Raises TypeError, ValueError."""
    return {Modality(name): Windows(**wanted) for name, wanted in packed.items()}


def window_bytes(modality: Modality, length_ms: int) -> int:
    """Return the memory that a prepared window takes."""
    whole = modality.entry.decoded_bytes
    return whole // modality.entry.clips if length_ms <= _CLIP_MS else whole


@dataclass(frozen=True)
class _Starts:
    """Windows start on a grid, and maybe one off it; a list of a long recording's would be long."""

    grid: range
    extra: int | None = None

    def __len__(self) -> int:
        return len(self.grid) + (self.extra is not None)

    def __getitem__(self, number: int) -> int:
        if self.extra is not None and number == len(self.grid):
            return self.extra
        return self.grid[number]


def _starts(length_ms: int, stride_ms: int, duration_ms: int) -> _Starts:
    """Return where windows start, ascending.

    One starts at each stride as long as it fits in whole. Where that leaves an end of the recording in which
    another would have begun, there is one more, which ends where the recording ends. A recording that is
    shorter than a window is one window.
    """
    last = max(0, duration_ms - length_ms)
    grid = range(0, last + 1, stride_ms)
    is_left = grid[-1] < last and grid[-1] + stride_ms < duration_ms
    return _Starts(grid, last if is_left else None)
