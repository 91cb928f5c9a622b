"""An engine is what the scheduler asks; a batch is run so that no item harms another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from bind_inference.errors import InvalidItem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bind_inference.engine.selfcheck.result import CheckResult
    from bind_inference.items.embedding import Vector
    from bind_inference.items.slices import Tensor
    from bind_inference.modality import Modality


class DeviceLost(Exception):
    """The device has failed for good: nothing that is run on it will succeed in this process."""


@dataclass(frozen=True)
class EngineInfo:
    """It tells what the vectors come from. `device` is `cpu` or a GPU's name.

    Vectors of one `fingerprint` are of one space: compare and store no others together. `checks` are the
    results of the precisions that were tried, the served one last unless it is float32 itself.
    """

    model: str
    dimension: int
    device: str
    precision: str
    fingerprint: str
    checks: tuple[CheckResult, ...] = ()


class Capacity:
    """It learns how many items of a modality fit into one forward pass, from those that did not.

    A batch that was too large is not tried again for the life of the process: what else takes memory on the
    device seldom goes away, and finding out costs a failed pass each time.
    """

    def __init__(self) -> None:
        self._most: dict[Modality, int] = {}

    def of(self, modality: Modality, items: int) -> int:
        """Return how many of `items` may run at once."""
        return min(items, self._most.get(modality, items))

    def exceeded(self, modality: Modality, items: int) -> int:
        """Note that `items` (above 1) were too many; return how many may run from now on: half of them."""
        self._most[modality] = self.of(modality, max(1, items // 2))
        return self._most[modality]


class Engine(Protocol):
    """A loaded model on its device."""

    @property
    def info(self) -> EngineInfo:
        """It tells what the vectors come from."""
        ...

    def forward(self, modality: Modality, tensors: Sequence[Tensor]) -> npt.NDArray[np.float32]:
        """Return vectors, float32 [items, dimension]. Only one thread may call. Raises DeviceLost."""
        ...


def run_batch(engine: Engine, modality: Modality, tensors: Sequence[Tensor]) -> list[Vector | Exception]:
    """Return for each item its vector, or what kept it from having one.

    A batch that fails (too little memory, one item that the model cannot take) is halved until the items to
    blame are alone. Raises DeviceLost, which concerns all.
    """
    try:
        vectors = engine.forward(modality, tensors)
    except DeviceLost:
        raise
    except Exception as error:  # noqa: BLE001  (whatever it is, the other items must still be answered)
        # Without its traceback, whose frames hold the batch: the halves need that memory.
        failure = error if len(tensors) == 1 else error.with_traceback(None)
    else:
        return [_finite(vector) for vector in vectors]
    if len(tensors) == 1:
        return [failure]
    middle = len(tensors) // 2
    return [
        *run_batch(engine, modality, tensors[:middle]),
        *run_batch(engine, modality, tensors[middle:]),
    ]


def _finite(vector: Vector) -> Vector | InvalidItem:
    if np.isfinite(vector).all():
        return vector
    return InvalidItem("its values are too extreme: the vector would not be finite")
