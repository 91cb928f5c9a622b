"""Find the card and what it can do at best; measure how long a call takes."""

from __future__ import annotations

import platform
import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

SIDE: Final = 8192  # a product of this size fills every card of today


@dataclass(frozen=True)
class Card:
    """A GPU; `peak_tflops` is what a large dense 16-bit product reaches in this run."""

    name: str
    capability: tuple[int, int]
    memory_gib: float
    torch: str
    peak_tflops: float

    def share(self, gflop: float, seconds: float) -> float:
        """Return the part of the peak that `gflop` in `seconds` is."""
        return gflop / 1000 / seconds / self.peak_tflops


def first_gpu() -> torch.device:
    """Return the first GPU. Raises SystemExit with one line where there is none that does."""
    if not torch.cuda.is_available():
        raise SystemExit(
            f"no NVIDIA GPU can be used here (torch {torch.__version__}, {platform.machine()}); "
            "run this on a machine with one"
        )
    return torch.device("cuda:0")


def find() -> Card:
    """Return the first GPU and what it can do, found in a second. Raises SystemExit as `first_gpu` does."""
    device = first_gpu()
    properties = torch.cuda.get_device_properties(device)
    return Card(
        properties.name,
        (properties.major, properties.minor),
        properties.total_memory / 2**30,
        torch.__version__,
        _peak(device),
    )


def seconds(call: Callable[[], object], least: int = 5, budget_s: float = 0.4) -> float:
    """Return the median time of `call`, after two that do not count; the card is waited for each time."""
    for _ in range(2):
        call()
    torch.cuda.synchronize()
    times: list[float] = []
    end = time.perf_counter() + budget_s
    while len(times) < least or time.perf_counter() < end:
        start = time.perf_counter()
        call()
        torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def _peak(device: torch.device) -> float:
    left, right = (torch.randn(SIDE, SIDE, device=device).half() for _ in range(2))
    return 2 * SIDE**3 / seconds(lambda: left @ right) / 1e12
