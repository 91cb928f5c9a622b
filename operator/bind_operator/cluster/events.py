"""Events are told in the order in which things happened; what the API server does not take now, later."""

import asyncio
import logging
import re
import time
from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from bind_operator.api.identity import API_VERSION, KIND
from bind_operator.cluster.client import KubeClient
from bind_operator.cluster.clock import rfc3339
from bind_operator.errors import ApiConflict, ApiUnavailable, NotLeader, OperatorError
from bind_operator.policy.names import OPERATOR
from bind_operator.policy.objects import Object
from bind_operator.policy.text import one_line
from bind_operator.reasons import Reason

logger = logging.getLogger(__name__)

MAX_WAITING = 1000
MAX_AGE_S = 600.0
"""What could not be told for so long is told no more: it is news, not state."""
FIRST_WAIT_S = 1.0
MAX_WAIT_S = 15.0
_TERMINATING = "because it is being terminated"
_TOLD_BEFORE = "already exists"


@dataclass(frozen=True)
class _Waiting:
    event: Object
    since: float


@dataclass
class EventLog:
    """It records events at resources. One that is refused is only logged."""

    client: KubeClient
    _waiting: deque[_Waiting] = field(default_factory=deque)
    _some_wait: asyncio.Event = field(default_factory=asyncio.Event)
    _last_ns: int = 0

    async def record(self, resource: Object, reason: Reason, message: str, *, warning: bool) -> None:
        """Record an event at the resource, now or, where the API server is not to be had, later.

        Later also where the caller is cancelled meanwhile, as by a lost lease: it has happened all the same.
        """
        # The names ascend, since lists come in their order.
        self._last_ns = max(int(self.client.clock.now() * 1e9), self._last_ns + 1)
        event = build_event(resource, reason, message, warning=warning, now_ns=self._last_ns)
        is_told = False
        try:
            is_told = not self._waiting and await self._send(event)
        finally:
            if not is_told:
                self._keep(event)

    def _keep(self, event: Object) -> None:
        if len(self._waiting) == MAX_WAITING:
            _drop(self._waiting.popleft())
        self._waiting.append(_Waiting(event, time.monotonic()))
        self._some_wait.set()

    async def has_told(self, resource: Object, reasons: Collection[Reason], words: str = "") -> bool:
        """Return whether the resource has an event of one of `reasons` with `words`, of whichever operator.

        Raises ApiUnavailable or ApiRefused.
        """
        namespace, uid = resource["metadata"]["namespace"], resource["metadata"]["uid"]
        waiting = [one.event for one in self._waiting if one.event["involvedObject"]["uid"] == uid]
        found = [*await self.about(namespace, uid), *waiting]
        # "revision 1" is not in "revision 12".
        whole = re.compile(rf"{re.escape(words)}(?!\w)") if words else re.compile("")
        return any(one["reason"] in reasons and whole.search(one["message"]) for one in found)

    async def about(self, namespace: str, uid: str) -> list[dict[str, Any]]:
        """Return the events of the object with that uid. Raises ApiUnavailable or ApiRefused."""
        return await self.client.items(_path(namespace), fields=f"involvedObject.uid={uid}")

    async def run(self) -> None:
        """Tell what waits, until cancelled."""
        wait_s = FIRST_WAIT_S
        while True:
            await self._some_wait.wait()
            await asyncio.sleep(wait_s)
            wait_s = FIRST_WAIT_S if await self.flush() else min(wait_s * 2, MAX_WAIT_S)

    async def flush(self) -> bool:
        """Tell what waits, oldest first; return whether nothing is left."""
        while self._waiting:
            oldest = self._waiting[0]
            is_old = time.monotonic() - oldest.since > MAX_AGE_S
            if is_old:
                _drop(oldest)
            elif not await self._send(oldest.event):
                return False
            # It may have been dropped for want of room while it was being sent.
            if self._waiting and self._waiting[0] is oldest:
                self._waiting.popleft()
        self._some_wait.clear()
        return True

    async def _send(self, event: Object) -> bool:
        """Return whether there is nothing more to do about `event`."""
        try:
            await self.client.create(_path(event["metadata"]["namespace"]), event)
        except (ApiUnavailable, NotLeader):
            return False
        except ApiConflict as error:
            # The first answer was lost; but a quota, too, is told of by a conflict, which passes.
            return _TOLD_BEFORE in str(error)
        except OperatorError as error:
            # Nothing can be created any more in a namespace that goes, and what is there goes.
            if _TERMINATING not in str(error):
                logger.warning("event not recorded", extra={"reason": event["reason"], "error": str(error)})
        return True


def build_event(resource: Object, reason: Reason, message: str, *, warning: bool, now_ns: int) -> Object:
    """Return an event at the resource. now_ns: nanoseconds of the epoch, which no other event of it has."""
    metadata = resource["metadata"]
    now = rfc3339(now_ns / 1e9)
    return {
        "apiVersion": "v1",
        "kind": "Event",
        # In hex, as client-go names them: unique without a random number.
        "metadata": {"name": f"{metadata['name']}.{now_ns:x}", "namespace": metadata["namespace"]},
        "involvedObject": _involved(metadata),
        "reason": str(reason),
        "message": one_line(message),
        "type": "Warning" if warning else "Normal",
        "source": {"component": OPERATOR},
        "reportingComponent": OPERATOR,
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }


def _path(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/events"


def _involved(metadata: Mapping[str, Any]) -> dict[str, str]:
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "name": metadata["name"],
        "namespace": metadata["namespace"],
        "uid": metadata["uid"],
    }


def _drop(waiting: _Waiting) -> None:
    event = waiting.event
    fields = {"reason": event["reason"], "namespace": event["metadata"]["namespace"]}
    logger.warning("event never recorded", extra=fields | {"event_message": event["message"]})
