"""Fair queueing between requests: each that waits is given an equal share of the work.

A request of a thousand items is served beside those that come after it, and not before them. Items of equal
requests come out in the order of their coming. Items are ordered by the work that goes before them, as in
start-time fair queueing (Goyal et al., 1996); but what comes anew begins where all have come by now (as in
weighted fair queueing, Demers et al., 1989), not where the one that was served last had begun: most clients
ask for each item by a request of its own, and these would go before an old one's second item for ever.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable

_MANY: Final = 1024


class Requested(Protocol):
    """The queue knows an item by what it costs, and by the request that it is of."""

    @property
    def gflop(self) -> float:
        """Return what it costs."""
        ...

    @property
    def request(self) -> Hashable:
        """Return what is the same for all items of a request."""
        ...


ItemT = TypeVar("ItemT", bound=Requested)


@dataclass(slots=True)
class _Request:
    """A request has asked for the work up to this tag, and so many of its items wait."""

    tag: float
    waiting: int = 0


@dataclass(order=True, slots=True)
class Entry(Generic[ItemT]):
    """An item in the queue, since then. Entries are ordered by the work that goes before them."""

    tag: float
    number: int
    since: float = field(compare=False)
    item: ItemT = field(compare=False)


class ItemQueue(Generic[ItemT]):
    """Items wait, and the next is of the request that has been given the least."""

    def __init__(self) -> None:
        self.gflop = 0.0
        """The work of all that wait."""
        self._heap: list[Entry[ItemT]] = []
        self._requests: dict[Hashable, _Request] = {}
        self._active = 0  # requests of which an item waits
        self._clock = 0.0  # the work that each of them has been given
        self._numbers = 0

    def __len__(self) -> int:
        return len(self._heap)

    def put(self, item: ItemT, now: float) -> None:
        """Queue `item` at `now` (monotonic seconds)."""
        if not self._heap:  # time spent idle earns no credit
            self._clock = 0.0
            self._requests.clear()
        request = self._requests.setdefault(item.request, _Request(self._clock))
        tag = max(self._clock, request.tag)
        request.tag = tag + item.gflop
        self._numbers += 1
        self.give_back(Entry(tag, self._numbers, now, item))

    def head(self) -> Entry[ItemT]:
        """Return what is next. There must be something."""
        return self._heap[0]

    def take(self) -> Entry[ItemT]:
        """Take what is next out of the queue."""
        entry = heapq.heappop(self._heap)
        self._clock = max(self._clock + entry.item.gflop / self._active, entry.tag)
        request = self._requests[entry.item.request]
        request.waiting -= 1
        self._active -= not request.waiting
        # Sums of floats drift: an empty queue must be worth nothing.
        self.gflop = self.gflop - entry.item.gflop if self._heap else 0.0
        if len(self._requests) > _MANY + 2 * self._active:
            self._forget()
        return entry

    def give_back(self, entry: Entry[ItemT]) -> None:
        """Put an entry that was taken where it was."""
        asked = _Request(entry.tag + entry.item.gflop)  # it may have been forgotten
        request = self._requests.setdefault(entry.item.request, asked)
        self._active += not request.waiting
        request.waiting += 1
        heapq.heappush(self._heap, entry)
        self.gflop += entry.item.gflop

    def _forget(self) -> None:
        """Forget requests that are owed no less than a new one, and of which none waits."""
        kept = {name: one for name, one in self._requests.items() if one.waiting or one.tag > self._clock}
        self._requests = kept
