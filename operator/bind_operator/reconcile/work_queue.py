"""The queue of resources to look at. Every trigger rings the same bell; the level, not the edge, decides.

kopf's own change handlers are not used: they keep state in annotations and run timers beside handlers
(kopf#1087). Here a resource is never looked at twice at once, and rings while it is looked at are kept.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bind_operator.metrics import QUEUE_DEPTH
from bind_operator.policy.facts import Key

logger = logging.getLogger(__name__)

MAX_SLEEP_S = 5.0
BUG_WAIT_S = 60.0

Answer = Callable[[Key], Awaitable[float | None]]
"""Looks at one resource; returns in how many seconds to look again, None for never."""


@dataclass
class Doorbell:
    """Due times by resource, and the resources that are looked at now."""

    workers: int
    beat_at: float = field(default_factory=time.monotonic)
    """When the dispatcher last went round, monotonic seconds: the heartbeat."""
    _due: dict[Key, float] = field(default_factory=dict)
    _active: dict[Key, float] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def ring(self, key: Key, after_s: float = 0.0) -> None:
        """Ask for a look at `key` in `after_s` seconds, or earlier if it is due earlier."""
        due = time.monotonic() + after_s
        if due < self._due.get(key, float("inf")):
            self._due[key] = due
            self._changed.set()

    def knows(self, key: Key) -> bool:
        """Whether `key` is waited for or looked at."""
        return key in self._due or key in self._active

    def longest_look_s(self) -> float:
        """Return for how long the oldest look at a resource has been going on."""
        return time.monotonic() - min(self._active.values(), default=time.monotonic())

    async def serve(self, answer: Answer) -> None:
        """Look at what is due until cancelled."""
        while True:
            self.beat_at = time.monotonic()
            self._changed.clear()
            wait_s = self._dispatch(answer)
            try:
                async with asyncio.timeout(wait_s):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def drain(self, limit_s: float) -> None:
        """Wait for the looks under way, so that no Helm run is cut short; cancel them at the limit."""
        if self._tasks:
            _, pending = await asyncio.wait(self._tasks, timeout=limit_s)
            for task in pending:
                task.cancel()

    def _dispatch(self, answer: Answer) -> float:
        """Start what is due as far as workers are free; return how long to sleep at most."""
        now = time.monotonic()
        waiting = sorted((due, key) for key, due in self._due.items() if key not in self._active)
        ready = [key for due, key in waiting if due <= now]
        free = self.workers - len(self._active)
        QUEUE_DEPTH.set(max(0, len(ready) - free))
        for key in ready[:free]:
            del self._due[key]
            self._active[key] = now
            task = asyncio.create_task(self._look(key, answer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        later = [due - now for due, _ in waiting if due > now]
        return min([MAX_SLEEP_S, *later])

    async def _look(self, key: Key, answer: Answer) -> None:
        again_s: float | None = BUG_WAIT_S
        try:
            again_s = await answer(key)
        except Exception:
            # The one place where a bug ends: it is told, and the next resource is served.
            logger.exception("bug in the reconciler", extra={"facts": {"bindvectorizer": str(key)}})
        finally:
            del self._active[key]
            if again_s is not None:
                self.ring(key, again_s)
            self._changed.set()
