"""Measures how many items a second the engine and the plain model embed, alone and in batches."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import torch

from bind_gpu.card import Card, seconds
from bind_gpu.plain import plain
from bind_inference.modality import Modality
from bind_inference.model.levels import normalise

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bind_inference.engine.torch_engine import TorchEngine
    from bind_inference.model import ImageBind

TOKENS: Final = 16
BATCHES: Final = {
    Modality.TEXT: (1, 8, 32, 256, 1024),
    Modality.IMAGE: (1, 8, 32, 64),
    Modality.AUDIO: (1, 32, 128),
    Modality.VIDEO: (1, 4),
    Modality.THERMAL: (1, 128),
    Modality.DEPTH: (1, 128),
    Modality.IMU: (1, 128),
}
PLAIN_BATCHES: Final = {Modality.TEXT: (1, 256), Modality.IMAGE: (1, 64)}


@dataclass(frozen=True)
class Measurement:
    """One figure: a batch of `size`, from prepared items in memory to vectors in memory."""

    modality: Modality
    size: int
    batch_s: float
    share: float
    """The part of the card's peak; a text counts with the arithmetic of its own tokens."""

    @property
    def rate(self) -> float:
        """That is so many items a second."""
        return self.size / self.batch_s


def items(modality: Modality, count: int) -> list[npt.NDArray[np.generic]]:
    """Return `count` made-up prepared items, texts of TOKENS tokens."""
    rng = np.random.default_rng(count)
    if modality.entry.dtype == "uint8":
        return [rng.integers(0, 256, modality.entry.shape, dtype=np.uint8) for _ in range(count)]
    if modality is not Modality.TEXT:
        return [rng.standard_normal(modality.entry.shape, dtype=np.float32) for _ in range(count)]
    rows = np.zeros((count, 77), np.int64)
    rows[:, 0], rows[:, TOKENS - 1] = 49406, 49407
    rows[:, 1 : TOKENS - 1] = rng.integers(1, 49000, (count, TOKENS - 2))
    return list(rows)


def measure_engine(engine: TorchEngine, card: Card) -> Iterator[Measurement]:
    """Measure the engine by the call that the scheduler makes."""
    for modality, sizes in BATCHES.items():
        for size in sizes:
            yield _measure(modality, size, partial(engine.forward, modality, items(modality, size)), card)


def measure_plain(model: ImageBind, device: torch.device, card: Card) -> Iterator[Measurement]:
    """Measure the same model in plain PyTorch, from a pageable batch in memory to vectors in memory."""
    for modality, sizes in PLAIN_BATCHES.items():
        for size in sizes:
            batch = torch.from_numpy(np.stack(items(modality, size)))
            batch = normalise(batch) if batch.dtype is torch.uint8 else batch
            yield _measure(modality, size, partial(_plain, model, modality, batch, device), card)


def _plain(model: ImageBind, modality: Modality, batch: torch.Tensor, device: torch.device) -> torch.Tensor:
    return plain(model, modality, batch.to(device)).cpu()


def _measure(modality: Modality, size: int, call: Callable[[], object], card: Card) -> Measurement:
    batch_s = seconds(call)
    units = TOKENS if modality is Modality.TEXT else modality.entry.most_units
    work = size * units * modality.entry.unit_gflop
    return Measurement(modality, size, batch_s, card.share(work, batch_s))
