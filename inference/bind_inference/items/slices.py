"""A slice is what of an item the model is given at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

Tensor: TypeAlias = Any  # a numpy array; of a fake engine whatever it likes


@dataclass(frozen=True)
class Slice:
    """A slice runs in one batch: mostly all of an item, of a video some of its views.

    An item's vector is the mean of its slices' vectors, weighted by `share`. `gflop` is the arithmetic of its
    forward pass at ImageBindHuge's size. Of an item in windows, `window` is the number of the one it is of.
    """

    tensor: Tensor
    share: int
    gflop: float
    window: int = 0
