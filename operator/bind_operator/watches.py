"""Objects of a release make its resource due in the work queue when they change, and so does a sweep.

What happened is not kept: the reconciliation looks for itself. All runs in the event loop, and nothing else
changes the queue.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence

from bind_operator.cluster.client import KubeClient
from bind_operator.cluster.kube import Kube
from bind_operator.cluster.watch import Watch
from bind_operator.errors import OperatorError
from bind_operator.metrics import WATCH_AGE
from bind_operator.policy.facts import Key
from bind_operator.policy.objects import Object
from bind_operator.policy.watching import (
    CHILDREN,
    EVENTS,
    EVERYWHERE,
    SETTLE_S,
    EventNews,
    Signs,
    WatchedKind,
    child_key,
    event_key,
)
from bind_operator.reconcile.work_queue import WorkQueue

logger = logging.getLogger(__name__)

EVENT_SETTLE_S = 1.0
"""A warning often comes with a change of the pod, which asks for the same look."""


class Watches:
    """They watch all that belongs to resources, and make due what changed."""

    def __init__(
        self,
        client: KubeClient,
        queue: WorkQueue,
        namespaces: Sequence[str],
        is_known: Callable[[Key], bool],
    ) -> None:
        """Make a watch of each kind for each of `namespaces`, or for all at once if none is named.

        is_known: whether there is such a resource.
        """
        self._client = client
        self._queue = queue
        self._is_known = is_known
        self._watches: list[Watch] = []
        for namespace in namespaces or [EVERYWHERE]:
            self._watches.append(self._watch_events(namespace))
            self._watches += [self._watch_children(kind, namespace) for kind in CHILDREN]
        for kind in (EVENTS, *CHILDREN):
            WATCH_AGE.labels(kind=kind.plural).set_function(self._age_of(kind))

    @property
    def signs(self) -> list[Signs]:
        """Return what each watch shows of its life."""
        return [watch.signs for watch in self._watches]

    async def run(self) -> None:
        """Watch until cancelled."""
        async with asyncio.TaskGroup() as group:
            for watch in self._watches:
                group.create_task(watch.run())

    def _watch_children(self, kind: WatchedKind, namespace: str) -> Watch:
        seen: set[Key] = set()

        def changed(_: str, item: Object) -> None:
            key = child_key(item)
            seen.add(key)
            self._queue.add(key, SETTLE_S)

        def listed(items: Sequence[Object]) -> None:
            now = {child_key(item) for item in items}
            self._add_all(seen | now)
            seen.clear()
            seen.update(now)

        return Watch(self._client, kind, namespace, changed, listed)

    def _watch_events(self, namespace: str) -> Watch:
        news = EventNews()

        def changed(type_: str, event: Object) -> None:
            key = event_key(event, self._is_known)
            if key is not None and news.is_new(type_, event):
                self._queue.add(key, EVENT_SETTLE_S)

        return Watch(self._client, EVENTS, namespace, changed, lambda _: None)

    def _add_all(self, keys: set[Key]) -> None:
        for key in keys:
            self._queue.add(key, SETTLE_S)

    def _age_of(self, kind: WatchedKind) -> Callable[[], float]:
        watches = [watch for watch in self._watches if watch.kind is kind]
        return lambda: time.monotonic() - min(watch.signs.seen_at for watch in watches)


async def resync(
    kube: Kube,
    queue: WorkQueue,
    namespaces: Sequence[str],
    interval_s: float,
    leads: Callable[[str], bool],
    won: asyncio.Event,
) -> None:
    """Add what is not in the queue every `interval_s` seconds, because a watch may go silent.

    leads: whether the operator leads in a namespace; elsewhere nothing is asked. won: set when a lease was
    won, which begins a round at once.
    """
    while True:
        won.clear()
        for namespace in filter(leads, namespaces or [EVERYWHERE]):
            try:
                keys = await kube.list_keys(namespace)
            except OperatorError as error:
                # One namespace that is forbidden or gone does not stop the others.
                logger.warning("resync failed", extra={"namespace": namespace, "error": str(error)})
                continue
            for key in keys:
                if key not in queue:
                    queue.add(key, is_routine=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(interval_s):
                await won.wait()
