"""Decides which items run next, and when. Pure: the time is an argument, the items are the caller's.

There is a queue for each modality and class of service, because one forward pass takes one modality; a batch
is cut by what its items cost. Texts need no buckets of similar length: the model packs them, so that a batch
costs the sum of its tokens.

Within a queue, requests share the work (item_queue.py). Between the queues of a lane it is shared by
start-time fair queueing, too: each has a tag, the work that it has been given, of queries a part only, so
that they come first and imports go on; the queue with the lowest tag is next. A video that costs more than a
batch may is queued in parts, so that what comes while videos run waits for a part, not for a video.

Clients that ask again as soon as they are answered come back a few milliseconds after a batch has ended. If
the next one were cut at once it would be without them, and they would meet in two or more halves for ever:
each batch of texts reads all weights, so eight texts take 62 ms together and 47 ms + 47 ms in halves. So,
when a batch has ended, its queue waits a moment for as many items as the batch had: the regroup wait.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeVar

from bind_inference.scheduling.policy.item_queue import Entry, ItemQueue, Requested
from bind_inference.service_class import KINDS, Kind, ServiceClass

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bind_inference.modality import Modality

QUERY_SHARE: Final = 0.25
"""Of the work of queries this part counts: beside imports they get four fifths of a lane that both want."""


class Queued(Requested, Protocol):
    """The policy knows an item by its kind, its request, its cost and whether somebody waits."""

    @property
    def kind(self) -> Kind:
        """Return the queue it belongs in."""
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


@dataclass(eq=False)
class _Lane:
    """It is what the queues of a lane have in common."""

    clock: float = 0.0
    """The tag of the batch that was cut last."""


@dataclass(eq=False)
class _Queue(Generic[ItemT]):
    """Items of one kind wait."""

    lane: _Lane
    weight: float
    has_units: bool
    items: ItemQueue[ItemT] = field(default_factory=ItemQueue)
    tag: float = 0.0
    since: float = 0.0
    """When the wait for company began."""
    regroup: _Regroup = field(default_factory=_Regroup)

    def __len__(self) -> int:
        return len(self.items)


class Batcher(Generic[ItemT]):
    """The batcher holds the items that wait for the model, and cuts them into batches."""

    def __init__(self, policy: Policy, lanes: Iterable[Sequence[Kind]] = (KINDS,)) -> None:
        """Keep a queue for each kind of each of `lanes`."""
        self._policy = policy
        self._queues: dict[Kind, _Queue[ItemT]] = {}
        for kinds in lanes:
            lane = _Lane()
            for kind in kinds:
                weight = QUERY_SHARE if kind.service is ServiceClass.QUERY else 1.0
                self._queues[kind] = _Queue(lane, weight, kind.modality.entry.unit is not None)

    def __len__(self) -> int:
        return sum(map(len, self._queues.values()))

    def depth(self, modality: Modality) -> int:
        """Return how many items of `modality` wait."""
        return sum(len(queue) for kind, queue in self._queues.items() if kind.modality is modality)

    def put(self, item: ItemT, now: float) -> None:
        """Queue `item` at `now` (monotonic seconds)."""
        queue = self._queues[item.kind]
        if not queue.items:
            queue.tag = max(queue.tag, queue.lane.clock)  # time spent idle earns no credit
            queue.since = now
        queue.items.put(item, now)

    def next_batch(self, now: float, among: Sequence[Kind] = KINDS, *, is_ahead: bool = False) -> list[ItemT]:
        """Return the batch to run at `now`, all of one kind, or [] to wait for more.

        among: kinds of one lane. is_ahead: it will wait for one that still runs.
        """
        queues = [self._queues[kind] for kind in among]
        due = [queue for queue in queues if self._due_at(queue, now) <= now]
        if is_ahead:
            due = [queue for queue in due if self._is_worth_a_wait(queue)]
        if not due:
            return []
        queue = min(due, key=lambda one: one.tag)
        batch = self._take(queue)
        queue.lane.clock = queue.tag
        queue.tag += queue.weight * sum(item.gflop for item in batch)
        if queue.items:
            queue.since = max(queue.since, queue.items.head().since)
        return batch

    def ended(self, kind: Kind, items: int, seconds: float, now: float) -> None:
        """Note that a batch of `items` has ended at `now`, after `seconds` in the model."""
        wait_s = min(self._policy.regroup_share * seconds, self._policy.max_regroup_s)
        queue = self._queues[kind]
        queue.regroup = _Regroup(len(queue) + items, now + wait_s)

    def next_due(self, now: float, among: Sequence[Kind] = KINDS) -> float | None:
        """Return when `next_batch` has something, if nothing comes meanwhile; None while nothing waits."""
        earliest = min(self._due_at(self._queues[kind], now) for kind in among)
        return None if earliest == float("inf") else earliest

    def _due_at(self, queue: _Queue[ItemT], now: float) -> float:
        items, policy, regroup = queue.items, self._policy, queue.regroup
        while items and items.head().item.abandoned:
            items.take()
        if not items:
            return float("inf")
        if len(items) >= policy.max_batch_size or items.gflop >= policy.max_batch_gflop:
            return now
        due = queue.since + policy.max_wait_s
        # Nobody is waited for who would not fit in any more.
        fits = items.gflop + items.head().item.gflop <= policy.max_batch_gflop
        return max(due, regroup.until) if fits and len(items) < regroup.items else due

    def _is_worth_a_wait(self, queue: _Queue[ItemT]) -> bool:
        policy = self._policy
        many = len(queue) >= policy.ahead_share * policy.max_batch_size
        return many or queue.items.gflop >= policy.ahead_share * policy.max_batch_gflop

    def _take(self, queue: _Queue[ItemT]) -> list[ItemT]:
        """Return what is next up to the limits; one alone may be above that of cost."""
        taken, cost = list[Entry[ItemT]](), 0.0
        while queue.items and len(taken) < self._policy.max_batch_size:
            item = queue.items.head().item
            if item.abandoned:
                queue.items.take()
                continue
            cost += item.gflop
            if taken and cost > self._policy.max_batch_gflop:
                break
            taken.append(queue.items.take())
        size = len(taken) if queue.has_units else self._whole_rung(len(taken))
        for entry in taken[size:]:
            queue.items.give_back(entry)
        return [entry.item for entry in taken[:size]]

    def _whole_rung(self, items: int) -> int:
        """Return how many of `items`, which are whole, to run now: all, or what fills a rung."""
        return max((rung for rung in self._policy.rungs if rung <= items), default=items)
