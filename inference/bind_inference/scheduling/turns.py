"""Lets much work have the event loop in pieces, so that whatever else waits there comes in between."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

WorkT = TypeVar("WorkT")

# Seconds of one turn of the loop: 100 texts of ten words, so that they still make one batch.
SLICE_S: Final = 0.01


class Turns(Generic[WorkT]):
    """A work is done at once while this turn of the loop has time left for it, otherwise in one of the next.

    There the owners (requests) take turns, so that one with a thousand works holds up none with a single one.
    """

    def __init__(self, do: Callable[[WorkT], None], clock: Callable[[], float] = time.perf_counter) -> None:
        self._do = do
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._left_s = SLICE_S
        self._coming = False
        self._waiting: dict[object, deque[WorkT]] = {}

    def put(self, owner: object, work: WorkT) -> None:
        """Do `work`, or queue it."""
        if self._waiting or self._left_s <= 0:
            self._waiting.setdefault(owner, deque()).append(work)
        else:
            self._do_timed(work)
        if not self._coming:
            self._coming = True
            self._loop.call_soon(self._next_turn)

    def _do_timed(self, work: WorkT) -> None:
        start = self._clock()
        self._do(work)
        self._left_s -= self._clock() - start

    def _next_turn(self) -> None:
        self._left_s = SLICE_S
        while self._waiting and self._left_s > 0:
            owner, works = next(iter(self._waiting.items()))
            work = works.popleft()
            del self._waiting[owner]
            if works:
                self._waiting[owner] = works
            self._do_timed(work)
        self._coming = bool(self._waiting)
        if self._coming:
            self._loop.call_soon(self._next_turn)


class Pace:
    """One piece of work a turn of the loop, a millisecond or several each, however many requests have some.

    A thousand requests of a thousand known texts each would hold up the loop for 15 s if all came at once.
    """

    def __init__(self) -> None:
        self._free = True
        self._waiting: tuple[deque[asyncio.Future[None]], ...] = deque(), deque()

    async def turn(self, *, late: bool = False) -> None:
        """Wait for a turn of the loop that is the caller's; late: after all that has begun already."""
        loop = asyncio.get_running_loop()
        if self._free:
            self._free = False
            loop.call_soon(self._next)
            return
        future: asyncio.Future[None] = loop.create_future()
        self._waiting[late].append(future)
        await future

    def _next(self) -> None:
        for waiting in self._waiting:
            while waiting:
                future = waiting.popleft()
                if not future.done():
                    future.set_result(None)
                    asyncio.get_running_loop().call_soon(self._next)
                    return
        self._free = True
