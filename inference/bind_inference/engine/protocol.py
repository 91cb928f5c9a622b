"""An engine is what the scheduler asks; a batch is run so that no item harms another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
import numpy.typing as npt

from bind_inference.errors import InvalidItem
from bind_inference.service_class import KINDS, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

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


class Started(Protocol):
    """A batch is being computed, or has been."""

    def wait(self) -> npt.NDArray[np.float32]:
        """Return vectors, float32 [items, dimension], once they are there. Raises DeviceLost.

        Any thread may call, and again.
        """
        ...


@dataclass(frozen=True)
class Computed:
    """A batch was computed where it was started."""

    vectors: npt.NDArray[np.float32]

    def wait(self) -> npt.NDArray[np.float32]:
        """Return its vectors."""
        return self.vectors


def no_pause() -> None:
    """Go on at once."""


@dataclass(frozen=True)
class Lane:
    """Batches of `kinds` run one after another on a device, beside those of other lanes.

    depth: how many may be started before the first of them has ended. in_pauses: they run in the pauses of
    the device's other lane, in its thread; both are one deep.
    """

    kinds: tuple[Kind, ...]
    depth: int = 1
    device: int = 0
    in_pauses: bool = False


ONE_LANE: Final = (Lane(KINDS),)


class Engine(Protocol):
    """A loaded model on its device."""

    @property
    def info(self) -> EngineInfo:
        """It tells what the vectors come from."""
        ...

    @property
    def lanes(self) -> Sequence[Lane]:
        """Return the lanes; those of one device have each kind once, and the one in pauses comes first."""
        ...

    @property
    def rungs(self) -> Sequence[int]:
        """Return sizes of batches, ascending, between which a batch costs what the next of them does."""
        ...

    def start(
        self,
        modality: Modality,
        tensors: Sequence[Tensor],
        device: int = 0,
        pause: Callable[[], None] = no_pause,
    ) -> Started:
        """Start a batch on a device, and wait for an earlier one where too many are under way.

        pause: is called now and then where the device has a lane for pauses, and may start a batch of that.
        One thread of each lane may call. Raises DeviceLost, and whatever kept the batch from being started.
        """
        ...


def start_batch(
    engine: Engine,
    modality: Modality,
    tensors: Sequence[Tensor],
    device: int = 0,
    pause: Callable[[], None] = no_pause,
) -> Callable[[], list[Vector | Exception]]:
    """Start a batch; return what waits and then tells of each item its vector, or what kept it from one.

    A batch that fails (too little memory, one item that the model cannot take) is halved until the items to
    blame are alone, before this returns. This and what it returns raise DeviceLost, which concerns all.
    """
    try:
        started = engine.start(modality, tensors, device, pause)
    except DeviceLost:
        raise
    except Exception as error:  # noqa: BLE001  (whatever it is, the other items must still be answered)
        # Without its traceback, whose frames hold the batch: the halves need that memory.
        failure = error if len(tensors) == 1 else error.with_traceback(None)
    else:
        return lambda: [_finite(vector) for vector in started.wait()]
    if len(tensors) == 1:
        return lambda: [failure]
    middle = len(tensors) // 2
    halves = (tensors[:middle], tensors[middle:])
    outcomes = [outcome for half in halves for outcome in run_batch(engine, modality, half, device, pause)]
    return lambda: outcomes


def run_batch(
    engine: Engine,
    modality: Modality,
    tensors: Sequence[Tensor],
    device: int = 0,
    pause: Callable[[], None] = no_pause,
) -> list[Vector | Exception]:
    """Return for each item its vector, or what kept it from having one. Raises DeviceLost."""
    return start_batch(engine, modality, tensors, device, pause)()


def _finite(vector: Vector) -> Vector | InvalidItem:
    if np.isfinite(vector).all():
        return vector
    return InvalidItem("its values are too extreme: the vector would not be finite")
