"""The work queue holds the resources to reconcile. Triggers only add a key: the level, not the edge, decides.

A resource is never reconciled twice at once, and a key that is added meanwhile is kept. All is changed in the
event loop, so nothing is locked.
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

ROUTINE_S = 30.0
"""A look that a reconciliation asks for in so long a time is for what a watch may have missed."""
ROUTINE_PATIENCE_S = 30.0
"""While workers are few, such a look lets pass what became due up to so long after it, and no longer."""

Reconcile = Callable[[Key], Awaitable[float | None]]
"""It reconciles one resource and returns after how many seconds to requeue it, None for never."""


@dataclass(frozen=True)
class _Due:
    """A key is due `at` a time, and its `place` among all that are due is where that time would be."""

    at: float
    place: float


_NEVER = _Due(float("inf"), float("inf"))


@dataclass
class WorkQueue:
    """It knows when each resource is due, and which are being reconciled."""

    workers: int
    may_work: Callable[[Key], bool] = lambda _: True
    """Whether this operator leads where the resource is; one that does not keeps its keys until it does."""
    heartbeat_at: float = field(default_factory=time.monotonic)
    """The dispatcher last went round then, in monotonic seconds."""
    _due: dict[Key, _Due] = field(default_factory=dict)
    _active: dict[Key, float] = field(default_factory=dict)
    _tasks: dict[Key, asyncio.Task[None]] = field(default_factory=dict)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, key: Key, after_s: float = 0.0, *, is_routine: bool = False) -> None:
        """Make `key` due in `after_s` seconds, unless it is due earlier.

        is_routine: nothing has happened to it, so what something has happened to goes first.
        """
        at = time.monotonic() + after_s
        before = self._due.get(key, _NEVER)
        due = _Due(min(at, before.at), min(at + ROUTINE_PATIENCE_S * is_routine, before.place))
        if due != before:
            self._due[key] = due
            self._changed.set()

    def __contains__(self, key: Key) -> bool:
        """Return whether `key` waits or is being reconciled."""
        return key in self._due or key in self._active

    def longest_reconcile_s(self) -> float:
        """Return the seconds since the oldest of the running reconciliations began, 0 where none runs."""
        return time.monotonic() - min(self._active.values(), default=time.monotonic())

    async def run(self, reconcile: Reconcile) -> None:
        """Reconcile what is due until cancelled."""
        while True:
            self.heartbeat_at = time.monotonic()
            self._changed.clear()
            wait_s = self._dispatch(reconcile)
            try:
                async with asyncio.timeout(wait_s):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def wake(self) -> None:
        """Look again at what is due, because leadership was won."""
        self._changed.set()

    def cancel(self, which: Callable[[Key], bool]) -> None:
        """Cancel the reconciliations of such keys, and with them their Helm runs; the keys stay due."""
        for key, task in self._tasks.items():
            if which(key):
                task.cancel()

    async def drain(self, timeout_s: float) -> None:
        """Wait for what is being reconciled; cancel it at the timeout."""
        tasks = set(self._tasks.values())
        if tasks:
            _, pending = await asyncio.wait(tasks, timeout=timeout_s)
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)

    def _dispatch(self, reconcile: Reconcile) -> float:
        """Start what is due as far as workers are free; return how long to sleep at most."""
        now = time.monotonic()
        waiting = {key: due for key, due in self._due.items() if key not in self._active}
        ready = [key for key, due in waiting.items() if due.at <= now and self.may_work(key)]
        ready.sort(key=lambda key: (waiting[key].place, key))
        free = self.workers - len(self._active)
        QUEUE_DEPTH.set(max(0, len(ready) - free))
        for key in ready[:free]:
            del self._due[key]
            self._active[key] = now
            task = asyncio.create_task(self._work(key, reconcile))
            self._tasks[key] = task
        later = [due.at - now for due in waiting.values() if due.at > now]
        return min([MAX_SLEEP_S, *later])

    async def _work(self, key: Key, reconcile: Reconcile) -> None:
        requeue_s: float | None = BUG_WAIT_S
        try:
            requeue_s = await reconcile(key)
        except Exception:
            # The one place where a bug ends: it is logged, and the next resource is reconciled.
            logger.exception("bug in the reconciler", extra={"bindvectorizer": str(key)})
        except asyncio.CancelledError:
            requeue_s = 0.0
            raise
        finally:
            del self._active[key], self._tasks[key]
            if requeue_s is not None:
                self.add(key, requeue_s, is_routine=requeue_s >= ROUTINE_S)
            self._changed.set()
