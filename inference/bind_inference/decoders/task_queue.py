"""Decides which task a free decoder gets. Pure: the time is an argument, the tasks are the caller's.

Requests share the decoders by time (weighted fair queueing): each has a tag, the decoder time that it has
had, and the one with the lowest is next. One that comes starts at the virtual time, which grows by what each
of those present has been given on average, and by a tenth of the time that passes at least. So whatever waits
is next at some time: those that come after it are behind it, and a large request has a tenth of a decoder
even where more small ones come than can be done.

That alone would not do: a thousand texts of 14 s each would have every decoder when somebody comes with one
picture. So one decoder is kept from long tasks. A request is long if it was said to be, or once a task of it
has taken more than `SHORT_S`. Of one of which nothing is known yet, the first task may have the last decoder,
and no other before that has ended.

So as many requests of one slow item each as there are decoders have them all, and nobody can tell before.
Then, where something waits that is not known to be long, the youngest of these tasks gives way: it is stopped
and begins anew among the long ones, which never have the last decoder. That happens to a task once. Where all
that comes is slow, that decoder's time is lost; what is within reason takes less than `GIVE_WAY_S`.
"""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

SHORT_S: Final = 0.25
"""A task that takes longer makes its request a long one. A picture takes 8 ms, more beside a busy model."""
LEAST_SHARE: Final = 0.1
"""Of one decoder, which a request has whatever comes after it."""

GIVE_WAY_S: Final = 1.0
"""A task is left alone for so long: a large photo beside a busy model takes half of it."""

TaskT = TypeVar("TaskT")


@dataclass(eq=False, slots=True)
class _Request(Generic[TaskT]):
    """It has tasks that wait or run; `is_proven` once one has ended, and was short.

    returned: those that wait because they gave way.
    """

    key: Hashable
    number: int
    tag: float
    waiting: deque[TaskT] = field(default_factory=deque)
    returned: list[TaskT] = field(default_factory=list)
    running: int = 0
    is_long: bool = False
    is_proven: bool = False
    is_listed: bool = False

    @property
    def is_risky(self) -> bool:
        """Return whether it may keep each of the decoders that it has for long."""
        return self.is_long or (self.running > 1 and not self.is_proven)

    def take(self) -> tuple[TaskT, bool]:
        """Take out the task that is next; tell whether it gave way before."""
        task = self.waiting.popleft()
        others = [other for other in self.returned if other is not task]
        gave_way, self.returned = len(others) < len(self.returned), others
        return task, gave_way


@dataclass(eq=False, slots=True)
class _Run(Generic[TaskT]):
    request: _Request[TaskT]
    began: float
    gave_way: bool


class TaskQueue(Generic[TaskT]):
    """The queue holds the tasks that wait for one of so many `decoders`, and knows those that run."""

    def __init__(self, decoders: int, is_wanted: Callable[[TaskT], bool] = lambda _: True) -> None:
        """`is_wanted` tells whether somebody still waits for a task; others are dropped in their turn."""
        self._decoders = decoders
        self._is_wanted = is_wanted
        self._requests: dict[Hashable, _Request[TaskT]] = {}
        self._runs: dict[int, _Run[TaskT]] = {}
        # Heaps of those with something that waits, by a tag that may have grown since.
        self._short: list[tuple[float, int, _Request[TaskT]]] = []
        self._long: list[tuple[float, int, _Request[TaskT]]] = []
        self._numbers = itertools.count()
        self._virtual = 0.0
        self._charged_at = 0.0
        self._waiting = 0

    def __len__(self) -> int:
        return self._waiting

    def put(self, task: TaskT, key: Hashable, now: float, *, is_long: bool = False) -> None:
        """Queue `task` of the request `key`. is_long: it is known to take longer than `SHORT_S`."""
        self._charge(now)
        request = self._requests.get(key)
        if request is None:
            request = self._requests[key] = _Request(key, next(self._numbers), self._virtual)
        request.is_long = request.is_long or is_long
        request.waiting.append(task)
        self._list(request)

    def take(self, now: float) -> TaskT | None:
        """Return the task that a free decoder does now; None: there is none for it."""
        self._charge(now)
        while (request := self._next()) is not None:
            task, gave_way = request.take()
            self._waiting -= 1
            if self._is_wanted(task):
                request.running += 1
                self._runs[id(task)] = _Run(request, now, gave_way)
                return task
            self._forget(request)
        return None

    def done(self, task: TaskT, now: float) -> None:
        """Note that a task which was taken has ended."""
        self._charge(now)
        run = self._runs.pop(id(task))
        run.request.running -= 1
        run.request.is_proven = True
        self._forget(run.request)

    def gives_way(self, task: TaskT, now: float) -> bool:
        """Return whether a task that runs should be stopped and put back, for one that may be short."""
        self._charge(now)
        own, runs = self._runs[id(task)], self._runs.values()
        if len(runs) < max(2, self._decoders) or now - own.began < GIVE_WAY_S:
            return False
        if not all(run.request.is_long for run in runs) or self._front(self._short) is None:
            return False
        return own is max((run for run in runs if not run.gave_way), key=lambda run: run.began, default=None)

    def put_back(self, task: TaskT, now: float) -> None:
        """Queue a task that was stopped; it is the next of its request."""
        self._charge(now)
        run = self._runs.pop(id(task))
        request = run.request
        request.running -= 1
        request.waiting.appendleft(task)
        request.returned.append(task)
        self._list(request)

    def sweep(self) -> None:
        """Drop what waits and nobody wants any more."""
        for request in list(self._requests.values()):
            request.waiting = deque(task for task in request.waiting if self._is_wanted(task))
            request.returned = [task for task in request.returned if self._is_wanted(task)]
            self._forget(request)
        self._waiting = sum(len(request.waiting) for request in self._requests.values())

    def _list(self, request: _Request[TaskT]) -> None:
        """Note that one more task of `request` waits."""
        self._waiting += 1
        if not request.is_listed:
            request.is_listed = True
            heapq.heappush(self._short, (request.tag, request.number, request))

    def _charge(self, now: float) -> None:
        """Charge requests for what ran since the last time."""
        seconds, self._charged_at = now - self._charged_at, now
        for run in self._runs.values():
            run.request.tag += seconds
            if now - run.began > SHORT_S:
                run.request.is_long = True
        if self._requests:
            self._virtual += seconds * max(LEAST_SHARE, len(self._runs) / len(self._requests))

    def _next(self) -> _Request[TaskT] | None:
        """Return the request whose turn it is."""
        risky = sum(run.request.is_risky for run in self._runs.values())
        left = self._decoders - 1 - risky if self._decoders > 1 else 1
        passed = []  # each has something that runs, so that there are few
        while (short := self._front(self._short)) and not _fits(short, left):
            passed.append(heapq.heappop(self._short))
        for entry in passed:
            heapq.heappush(self._short, entry)
        fronts = [front for front in (short, self._front(self._long) if left > 0 else None) if front]
        return min(fronts, key=lambda request: (request.tag, request.number), default=None)

    def _front(self, heap: list[tuple[float, int, _Request[TaskT]]]) -> _Request[TaskT] | None:
        """Return the request with the lowest tag, once what has changed since it was listed is put right."""
        while heap:
            tag, number, request = heap[0]
            if not request.waiting:
                heapq.heappop(heap)
                request.is_listed = False
            elif request.is_long and heap is self._short:
                heapq.heappop(heap)
                heapq.heappush(self._long, (request.tag, number, request))
            elif request.tag > tag:
                heapq.heapreplace(heap, (request.tag, number, request))
            else:
                return request
        return None

    def _forget(self, request: _Request[TaskT]) -> None:
        """Forget a request with nothing left. An entry of it in a heap is dropped when its turn comes."""
        if not request.waiting and not request.running:
            del self._requests[request.key]


def _fits(request: _Request[TaskT], left: int) -> bool:
    """Return whether a request may have one more; left: the decoders that those which take long may have."""
    if request.is_proven or not request.running:
        return True
    return left > (0 if request.is_risky else 1)  # the one that it has becomes risky too
