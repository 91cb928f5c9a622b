"""A lane of the engine with the batches that are under way on it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bind_inference.scheduling.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bind_inference.engine.protocol import Lane
    from bind_inference.scheduling.jobs import Job, Part
    from bind_inference.scheduling.policy.batching import Batcher


@dataclass(eq=False)
class BusyLane:
    """It gives its worker, which it may share, one batch after another, as many at once as it is deep."""

    lane: Lane
    worker: Worker
    running: list[list[Part]] = field(default_factory=list)
    _looks: int = 0
    """So often the oldest batch has been seen to be under way."""

    def cut(self, batcher: Batcher[Part], now: float) -> list[Part]:
        """Return the batch that is to be started at `now`, [] if none is or there is no room."""
        if len(self.running) >= self.lane.depth:
            return []
        batch = batcher.next_batch(now, self.lane.kinds, is_ahead=bool(self.running))
        if batch:
            self.running.append(batch)
        return batch

    def next_due(self, batcher: Batcher[Part], now: float) -> float | None:
        """Return when there is a batch to cut, if nothing comes meanwhile; None before one has ended."""
        return None if self.running else batcher.next_due(now, self.lane.kinds)

    def ended(self, batch: list[Part]) -> None:
        """Forget a batch that has run."""
        self.running = [other for other in self.running if other is not batch]
        self._looks = 0

    def look(self) -> int:
        """Return how many looks in a row, with this one, have seen the same batch under way."""
        self._looks = self._looks + 1 if self.running else 0
        return self._looks

    def has(self, job: Job) -> bool:
        """Return whether a part of `job` is under way."""
        return any(part.job is job for batch in self.running for part in batch)


def earliest(times: Sequence[float | None]) -> float | None:
    """Return the least of `times`, None where there is none."""
    return min((time for time in times if time is not None), default=None)


def cut_next(
    lanes: Sequence[BusyLane], batcher: Batcher[Part], now: float
) -> tuple[BusyLane, list[Part]] | None:
    """Return the next batch and the lane that takes it, one with the least to do; None: there is none.

    Of lanes that have as little, one whose worker has.
    """
    loads = Counter[Worker]()
    for lane in lanes:
        loads[lane.worker] += len(lane.running)
    for lane in sorted(lanes, key=lambda one: (len(one.running), loads[one.worker])):
        if batch := lane.cut(batcher, now):
            return lane, batch
    return None
