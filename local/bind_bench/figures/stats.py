"""The statistics of a benchmark are plain functions of numbers."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Spread:
    """The least, the median and the greatest of a figure over the rounds of a run."""

    least: float
    median: float
    greatest: float


def spread(values: Sequence[float]) -> Spread:
    """Return the spread of one or more values."""
    return Spread(min(values), statistics.median(values), max(values))


def ratios(ours: Sequence[float], peer: Sequence[float]) -> list[float]:
    """Return ours / peer round by round: neighbours in time, so what slows the machine slows both.

    A round that only one of them has is left out.
    """
    return [mine / theirs for mine, theirs in zip(ours, peer, strict=False)]


def percentile(values: Sequence[float], share: float) -> float:
    """Return the least value that at least `share` (0..1] of the values do not exceed (nearest rank)."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def drift(before: Sequence[float], after: Sequence[float]) -> float:
    """Return by how much the median grew, as a share: 0.05 is five in a hundred more."""
    return statistics.median(after) / statistics.median(before) - 1
