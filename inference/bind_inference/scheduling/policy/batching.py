"""Decides which items run next, and when. Pure: the time is an argument, the items are the caller's.

There is a queue for each modality, because one forward pass takes one; a batch is cut by what its items cost.
Texts need no buckets of similar length: the model packs them, so that a batch costs the sum of its tokens.

Between modalities the arithmetic is shared fairly (start-time fair queueing): each queue has a tag, the work
that it has been given; the queue with the lowest tag is next. A video that costs more than a batch may is
queued in parts, so that texts which come while videos run wait for a part, not for a video.

Clients that ask again as soon as they are answered come back a few milliseconds after a batch has ended. If
the next one were cut at once it would be without them, and they would meet in two or more halves for ever:
each batch of texts reads all weights, so eight texts take 62 ms together and 47 ms + 47 ms in halves. So,
when a batch has ended, its modality waits a moment for as many items as the batch had: the regroup wait.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeVar

from bind_inference.modality import Modality

if TYPE_CHECKING:
    from collections.abc import Sequence

ALL: Final = tuple(Modality)


class Queued(Protocol):
    """The policy knows an item by its modality, its cost and whether somebody waits."""

    @property
    def modality(self) -> Modality:
        """Return the queue it belongs in."""
        ...

    @property
    def gflop(self) -> float:
        """Return what it costs."""
        ...

    @property
    def abandoned(self) -> bool:
        """Return whether its client has hung up, so that nobody would read the vector."""
        ...


ItemT = TypeVar("ItemT", bound=Queued)


@dataclass(frozen=True)
class Policy:
    """A batch has at most so many items and GFLOP (at ImageBindHuge's size), and is cut after such waits.

    regroup_share: a regroup wait takes at most this share of the time that the batch before took.
    rungs: sizes of batches, ascending, between which one costs as much as the next of them; a batch of more
    whole items than the first is cut to one. ahead_share: behind a batch that still runs, one is cut only if
    it has this share of what a batch may have, because what comes meanwhile can then be part of it.
    """

    max_batch_size: int = 32
    max_batch_gflop: float = 350.0
    max_wait_s: float = 0.0
    rungs: Sequence[int] = ()
    ahead_share: float = 0.25
    regroup_share: float = 0.2
    max_regroup_s: float = 0.02


@dataclass(frozen=True)
class _Regroup:
    """After a batch a queue waits until it has so many `items`, and no longer than `until`."""

    items: int = 0
    until: float = 0.0


class Batcher(Generic[ItemT]):
    """The batcher holds the items that wait for the model, and cuts them into batches."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._queues: dict[Modality, deque[tuple[float, ItemT]]] = {
            modality: deque() for modality in Modality
        }
        self._waiting = dict.fromkeys(Modality, 0.0)  # GFLOP in each queue
        self._tags = dict.fromkeys(Modality, 0.0)
        self._clock = 0.0  # the tag of the batch that was cut last
        self._regroups = dict.fromkeys(Modality, _Regroup())

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
        self._waiting[item.modality] += item.gflop

    def next_batch(
        self, now: float, among: Sequence[Modality] = ALL, *, is_ahead: bool = False
    ) -> list[ItemT]:
        """Return the batch to run at `now`, all of one modality, oldest first, or [] to wait for more.

        is_ahead: it will wait for one that still runs.
        """
        due = [modality for modality in among if self._due_at(modality, now) <= now]
        if is_ahead:
            due = [modality for modality in due if self._is_worth_a_wait(modality)]
        if not due:
            return []
        modality = min(due, key=self._tags.__getitem__)
        batch = self._take(modality)
        self._clock = self._tags[modality]
        self._tags[modality] += sum(item.gflop for item in batch)
        return batch

    def ended(self, modality: Modality, items: int, seconds: float, now: float) -> None:
        """Note that a batch of `items` has ended at `now`, after `seconds` in the model."""
        wait_s = min(self._policy.regroup_share * seconds, self._policy.max_regroup_s)
        self._regroups[modality] = _Regroup(len(self._queues[modality]) + items, now + wait_s)

    def next_due(self, now: float, among: Sequence[Modality] = ALL) -> float | None:
        """Return when `next_batch` has something, if nothing comes meanwhile; None while nothing waits."""
        earliest = min(self._due_at(modality, now) for modality in among)
        return None if earliest == float("inf") else earliest

    def _due_at(self, modality: Modality, now: float) -> float:
        queue = self._queues[modality]
        while queue and queue[0][1].abandoned:
            self._pop(modality)
        if not queue:
            return float("inf")
        policy, waiting, regroup = self._policy, self._waiting[modality], self._regroups[modality]
        if len(queue) >= policy.max_batch_size or waiting >= policy.max_batch_gflop:
            return now
        due = queue[0][0] + policy.max_wait_s
        # Nobody is waited for who would not fit in any more.
        fits = waiting + queue[0][1].gflop <= policy.max_batch_gflop
        return max(due, regroup.until) if fits and len(queue) < regroup.items else due

    def _is_worth_a_wait(self, modality: Modality) -> bool:
        share = self._policy.ahead_share
        many = len(self._queues[modality]) >= share * self._policy.max_batch_size
        return many or self._waiting[modality] >= share * self._policy.max_batch_gflop

    def _take(self, modality: Modality) -> list[ItemT]:
        """Return the oldest items up to the limits; one alone may be above that of cost."""
        queue, taken, cost = self._queues[modality], list[tuple[float, ItemT]](), 0.0
        while queue and len(taken) < self._policy.max_batch_size:
            since, item = queue[0]
            if not item.abandoned:
                cost += item.gflop
                if taken and cost > self._policy.max_batch_gflop:
                    break
                taken.append((since, item))
            self._pop(modality)
        size = self._whole_rung(modality, len(taken))
        for since, item in reversed(taken[size:]):
            queue.appendleft((since, item))
            self._waiting[modality] += item.gflop
        return [item for _, item in taken[:size]]

    def _whole_rung(self, modality: Modality, items: int) -> int:
        """Return how many of `items` to run now: all, or what fills a rung where items are units."""
        if modality.entry.unit is not None:
            return items
        return max((rung for rung in self._policy.rungs if rung <= items), default=items)

    def _pop(self, modality: Modality) -> None:
        queue = self._queues[modality]
        _, item = queue.popleft()
        # Sums of floats drift: an empty queue must be worth nothing.
        self._waiting[modality] = self._waiting[modality] - item.gflop if queue else 0.0
