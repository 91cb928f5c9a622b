"""Which items run next, and when. Pure: the time is an argument, the items are the caller's.

A queue for each modality, since one forward pass takes one. Between modalities the arithmetic is shared
fairly (start-time fair queueing): each queue has a tag, the work that it has been given; the queue with the
lowest tag is next. So texts that come while videos wait run after the video in flight, not after all of them.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeVar

from bind_inference.modality import Modality

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Weight:
    """One item's arithmetic (forward pass at ImageBindHuge's size) and its memory once decoded."""

    gflop: float
    decoded_bytes: int


WEIGHTS: Final[Mapping[Modality, Weight]] = MappingProxyType(
    {
        Modality.TEXT: Weight(gflop=47.1, decoded_bytes=77 * 8),
        Modality.IMAGE: Weight(gflop=335.0, decoded_bytes=3 * 224 * 224 * 4),
        Modality.AUDIO: Weight(gflop=123.0, decoded_bytes=3 * 128 * 204 * 4),
        Modality.VIDEO: Weight(gflop=5025.0, decoded_bytes=15 * 3 * 2 * 224 * 224 * 4),
        Modality.IMU: Weight(gflop=10.3, decoded_bytes=6 * 2000 * 4),
        Modality.THERMAL: Weight(gflop=35.0, decoded_bytes=224 * 224 * 4),
        Modality.DEPTH: Weight(gflop=9.1, decoded_bytes=224 * 224 * 4),
    }
)


class Queued(Protocol):
    """What the policy knows of an item."""

    @property
    def modality(self) -> Modality:
        """The queue it belongs in."""
        ...

    @property
    def abandoned(self) -> bool:
        """Whether its client has hung up, so that nobody would read the vector."""
        ...


ItemT = TypeVar("ItemT", bound=Queued)


@dataclass(frozen=True)
class Policy:
    """The limits of a batch. Units: items, GFLOP at ImageBindHuge's size, seconds."""

    max_batch_size: int = 32
    max_batch_gflop: float = 1000.0
    max_wait_s: float = 0.0

    def capacity(self, modality: Modality) -> int:
        """Return how many items one batch of `modality` may hold; always at least one."""
        return max(1, min(self.max_batch_size, int(self.max_batch_gflop // WEIGHTS[modality].gflop)))


class Batcher(Generic[ItemT]):
    """The items that wait for the model."""

    def __init__(self, policy: Policy) -> None:
        self._capacity = {modality: policy.capacity(modality) for modality in Modality}
        self._max_wait_s = policy.max_wait_s
        self._queues: dict[Modality, deque[tuple[float, ItemT]]] = {
            modality: deque() for modality in Modality
        }
        self._tags = dict.fromkeys(Modality, 0.0)
        self._clock = 0.0  # the tag of the batch that was cut last

    def __len__(self) -> int:
        return sum(map(len, self._queues.values()))

    def depth(self, modality: Modality) -> int:
        """Return how many items of `modality` wait."""
        return len(self._queues[modality])

    def put(self, item: ItemT, now: float) -> None:
        """Queue `item` at `now` (monotonic seconds)."""
        queue = self._queues[item.modality]
        if not queue:  # time spent idle earns no credit
            self._tags[item.modality] = max(self._tags[item.modality], self._clock)
        queue.append((now, item))

    def next_batch(self, now: float) -> list[ItemT]:
        """Return the batch to run at `now`, all of one modality, oldest first, or [] to wait for more."""
        due = [modality for modality in Modality if self._due_at(modality, now) <= now]
        if not due:
            return []
        modality = min(due, key=self._tags.__getitem__)
        batch = self._take(modality)
        self._clock = self._tags[modality]
        self._tags[modality] += len(batch) * WEIGHTS[modality].gflop
        return batch

    def next_due(self, now: float) -> float | None:
        """Return when `next_batch` has something, if nothing comes meanwhile; None while nothing waits."""
        earliest = min(self._due_at(modality, now) for modality in Modality)
        return None if earliest == float("inf") else earliest

    def _due_at(self, modality: Modality, now: float) -> float:
        queue = self._queues[modality]
        while queue and queue[0][1].abandoned:
            queue.popleft()
        if not queue:
            return float("inf")
        return now if len(queue) >= self._capacity[modality] else queue[0][0] + self._max_wait_s

    def _take(self, modality: Modality) -> list[ItemT]:
        queue, batch = self._queues[modality], list[ItemT]()
        while queue and len(batch) < self._capacity[modality]:
            _, item = queue.popleft()
            if not item.abandoned:
                batch.append(item)
        return batch
