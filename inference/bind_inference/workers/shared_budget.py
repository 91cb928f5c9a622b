"""A budget that all workers take from: what each holds stands in memory that all of them see.

Divided among them, the budget would bound a body by the number of workers. Nothing is locked: a worker writes
to its own place alone, a number at once, and adds up all of them before it takes more. Two that do so in the
same moment may be above the limit by what one of them takes, a piece of a body or an answer's vectors. What a
worker that strangers took over may write there keeps bodies out, or lets more in; it reaches nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bind_inference.items.shared_memory import Shared
from bind_inference.scheduling.policy.admission import Budget
from bind_inference.scheduling.sizing import DECODED_EIGHTHS

if TYPE_CHECKING:
    from bind_inference.settings import Settings

_NUMBER: Final = "Q"
_NUMBER_BYTES: Final = 8


def bodies_share(settings: Settings) -> int:
    """Return the bytes of bodies and answers that all workers may hold together."""
    return settings.max_queue_bytes * (8 - DECODED_EIGHTHS) // 8


class Places:
    """The main process' side: a place for each worker, in `file`."""

    def __init__(self, count: int) -> None:
        self.file = Shared()
        self.file.write(bytes(_NUMBER_BYTES * count))
        self._numbers = map_places(self.file)
        self._free = list(range(count))

    def take(self) -> int:
        """Return a place that is nobody's."""
        return self._free.pop(0)

    def free(self, place: int) -> None:
        """Forget what a worker held, which has ended."""
        self._numbers[place] = 0
        self._free.append(place)

    def held(self) -> int:
        """Return what all workers hold."""
        return sum(self._numbers)


class SharedBudget(Budget):
    """It holds up to the limit together with those of other processes that know the same numbers."""

    def __init__(self, limit: int, unit: str, reserve: int, numbers: memoryview[int], place: int) -> None:
        super().__init__(limit, unit, reserve)
        self._numbers = numbers
        self._place = place

    def held_by_all(self) -> int:
        """Return what all hold."""
        return sum(self._numbers)

    def _hold(self, amount: int) -> None:
        super()._hold(amount)
        self._numbers[self._place] = amount


def map_places(file: Shared) -> memoryview[int]:
    """Return the numbers in a file of `Places`."""
    return memoryview(file.map()).cast(_NUMBER)
