"""Measures how fast all cores together read memory: a bound for whoever reads a model's weights once."""

from __future__ import annotations

import time
from typing import Final

import torch

SIZE_BYTES: Final = 2 * 1000**3
ROUNDS: Final = 7


def read_gb_per_s(size_bytes: int = SIZE_BYTES) -> float:
    """Return the best of some sums over an array that no cache holds, in 10^9 bytes a second."""
    numbers = torch.ones(size_bytes // 4)
    best_s = float("inf")
    for _ in range(ROUNDS):
        started = time.perf_counter()
        numbers.sum()
        best_s = min(best_s, time.perf_counter() - started)
    return 4 * numbers.numel() / best_s / 1e9
