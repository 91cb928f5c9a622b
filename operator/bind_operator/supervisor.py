"""The watch of the resources is kopf in a thread; the supervisor starts it anew whenever it has failed."""

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from bind_operator.cluster.watch_failures import WatchFailures
from bind_operator.errors import OperatorError
from bind_operator.handlers import Ears, WatcherEnded
from bind_operator.loop_thread import LoopThread
from bind_operator.metrics import WATCH_AGE
from bind_operator.policy.facts import Key
from bind_operator.policy.watching import (
    EVERYWHERE,
    RESOURCES,
    SETTLE_S,
    Cause,
    Request,
    Signs,
    retry_wait_s,
)
from bind_operator.reconcile.work_queue import WorkQueue

logger = logging.getLogger(__name__)

QUIET_S = 100.0
"""kopf asks for each watch anew every 70 s at the latest, and more often where it fails."""
LOOK_S = 1.0
STOP_S = 2.0
"""A clean stop waits no longer, and a new start neither."""
LIVES_AFTER_S = 5.0
MAX_ABANDONED = 3
"""So many threads that do not end are left behind; only a new process is rid of them."""

StartThread = Callable[[Ears], LoopThread]


@dataclass
class _Place:
    """It is where resources are watched: a namespace, or all."""

    namespace: str
    name: str
    path: str
    failures: WatchFailures
    seen_at: float
    tried_at: float
    cause: Cause = Cause.NONE

    def tell(self, request: Request) -> None:
        """Note a request of this place, or one that all places need."""
        self.tried_at = time.monotonic()
        if request.cause is None:
            return
        if request.cause is not Cause.NONE:
            self.fail(request.cause, request.detail)
        elif request.path.endswith(self.path):
            self.seen_at = self.tried_at
            self.cause = Cause.NONE
            self.failures.over()

    def fail(self, cause: Cause, error: str) -> None:
        """Note a failure."""
        is_first = self.cause is Cause.NONE
        self.cause = cause
        self.failures.record(cause, error, is_first=is_first)


class ResourceWatch:
    """It keeps a kopf running, for ever, and makes due in the queue what that hears of.

    All its state is changed in the event loop that runs it.
    """

    def __init__(
        self,
        start: StartThread,
        is_served: Callable[[], Awaitable[bool]],
        queue: WorkQueue,
        namespaces: Sequence[str],
    ) -> None:
        """Watch each of `namespaces`, or all at once if none is named.

        start: starts a thread with kopf. is_served: whether the API server knows the resource; may raise
        OperatorError.
        """
        self._start = start
        self._is_served = is_served
        self._queue = queue
        self._known: set[Key] = set()
        self._abandoned: list[LoopThread] = []
        now = time.monotonic()
        self._places = [_place(namespace, now) for namespace in namespaces or [EVERYWHERE]]
        WATCH_AGE.labels(kind=RESOURCES.plural).set_function(
            lambda: time.monotonic() - min(place.seen_at for place in self._places)
        )

    @property
    def signs(self) -> list[Signs]:
        """Return what the watch of each place shows of its life."""
        return [
            Signs(place.name, RESOURCES.is_optional, place.seen_at, place.tried_at, place.cause)
            for place in self._places
        ]

    def is_known(self, key: Key) -> bool:
        """Return whether there is, or was, such a resource."""
        return key in self._known

    async def run(self) -> None:
        """Watch until cancelled."""
        failures = 0
        while True:
            started = time.monotonic()
            ended = await self._attempt()
            failures = 1 if time.monotonic() - started > LIVES_AFTER_S else failures + 1
            for place in self._places:
                # Where a request has failed, that is the reason, and noted.
                if place.cause is Cause.NONE or ended.cause not in (place.cause, Cause.REFUSED):
                    place.fail(ended.cause, str(ended))
            await asyncio.sleep(retry_wait_s(RESOURCES, ended.cause, failures, None, random.random()))  # noqa: S311

    async def _attempt(self) -> WatcherEnded:
        """Run kopf once, if there is something to watch; return why it has ended."""
        self._abandoned = [thread for thread in self._abandoned if thread.is_alive]
        if len(self._abandoned) >= MAX_ABANDONED:
            # No attempt is noted, so the liveness probe fails in time.
            return WatcherEnded(f"{MAX_ABANDONED} threads of kopf do not end", Cause.REFUSED)
        for place in self._places:
            place.tried_at = time.monotonic()
        try:
            is_served = await self._is_served()
        except OperatorError:
            # kopf asks by itself until it has an answer, and its requests tell the reason.
            is_served = True
        if not is_served:
            # kopf looks for the kind only once.
            return WatcherEnded("the resource is not served", Cause.NOT_SERVED)
        return await self._run_once()

    async def _run_once(self) -> WatcherEnded:
        loop = asyncio.get_running_loop()
        is_over = False

        # They are called in kopf's thread.
        def changed(type_: str, key: Key) -> None:
            if not is_over:
                loop.call_soon_threadsafe(self._changed, type_, key)

        def requested(request: Request) -> None:
            if not is_over:
                loop.call_soon_threadsafe(self._requested, request)

        thread = self._start(Ears(changed, requested))
        try:
            return await self._follow(thread)
        finally:
            is_over = True
            await self._stop(thread)

    async def _follow(self, thread: LoopThread) -> WatcherEnded:
        try:
            while not await thread.wait(LOOK_S):
                quiet_s = time.monotonic() - min(max(one.seen_at, one.tried_at) for one in self._places)
                if quiet_s > QUIET_S:
                    return WatcherEnded(f"kopf has asked nothing for {quiet_s:.0f} s", Cause.REFUSED)
        except WatcherEnded as ended:
            return ended
        except Exception as error:  # noqa: BLE001  (kopf's, of any kind; the watch goes on)
            return WatcherEnded(f"kopf has ended: {str(error) or type(error).__name__}", Cause.REFUSED)
        return WatcherEnded("kopf has ended", Cause.REFUSED)

    async def _stop(self, thread: LoopThread) -> None:
        thread.stop()
        # How it ends is of no interest any more.
        with contextlib.suppress(Exception):
            await thread.wait(STOP_S)
        if thread.is_alive:
            self._abandoned.append(thread)
            logger.warning("a thread of kopf does not end and is left behind")

    def _changed(self, type_: str, key: Key) -> None:
        for place in self._places:
            if place.namespace in (EVERYWHERE, key.namespace):
                place.seen_at = time.monotonic()
        self._known.discard(key) if type_ == "DELETED" else self._known.add(key)
        self._queue.add(key, SETTLE_S)

    def _requested(self, request: Request) -> None:
        mine = [place for place in self._places if request.path.endswith(place.path)]
        for place in mine or self._places:
            place.tell(request)
        if request.cause is Cause.NONE and not request.is_watch:
            for place in mine:
                self._sweep(place.namespace)

    def _sweep(self, namespace: str) -> None:
        """Make due what was there before a list, because a deletion may have been missed."""
        for key in self._known:
            if namespace in (EVERYWHERE, key.namespace):
                self._queue.add(key, SETTLE_S)


def _place(namespace: str, now: float) -> _Place:
    name = f"{RESOURCES.plural} in {namespace}" if namespace else RESOURCES.plural
    return _Place(namespace, name, RESOURCES.path(namespace), WatchFailures(RESOURCES, name), now, now)
