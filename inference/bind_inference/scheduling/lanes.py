"""A lane of the engine with the batches that are under way on it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bind_inference.engine.protocol import Lane
    from bind_inference.scheduling.jobs import Job, Part
    from bind_inference.scheduling.policy.batching import Batcher
    from bind_inference.scheduling.worker import Worker


@dataclass(eq=False)
class BusyLane:
    """It gives its worker one batch after another, as many at once as the lane is deep."""

    lane: Lane
    worker: Worker
    running: list[list[Part]] = field(default_factory=list)

    def cut(self, batcher: Batcher[Part], now: float) -> Iterator[list[Part]]:
        """Yield the batches that are to be started at `now`; whoever takes one gives it to the worker."""
        while len(self.running) < self.lane.depth:
            batch = batcher.next_batch(now, self.lane.modalities, is_ahead=bool(self.running))
            if not batch:
                return
            self.running.append(batch)
            yield batch

    def next_due(self, batcher: Batcher[Part], now: float) -> float | None:
        """Return when there is a batch to cut, if nothing comes meanwhile; None before one has ended."""
        return None if self.running else batcher.next_due(now, self.lane.modalities)

    def ended(self, batch: list[Part]) -> None:
        """Forget a batch that has run."""
        self.running = [other for other in self.running if other is not batch]

    def has(self, job: Job) -> bool:
        """Return whether a part of `job` is under way."""
        return any(part.job is job for batch in self.running for part in batch)


def earliest(times: Sequence[float | None]) -> float | None:
    """Return the least of `times`, None where there is none."""
    return min((time for time in times if time is not None), default=None)
