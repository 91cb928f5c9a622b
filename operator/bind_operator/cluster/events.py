"""Events are told in the order in which things happened; what the API server does not take now, later."""

import asyncio
import logging
import re
import time
from collections import defaultdict, deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from bind_operator.api.identity import API_VERSION, KIND
from bind_operator.cluster.client import KubeClient
from bind_operator.cluster.clock import rfc3339
from bind_operator.errors import ApiConflict, ApiRefused, ApiUnavailable, NotLeader
from bind_operator.policy.names import OPERATOR
from bind_operator.policy.objects import Object
from bind_operator.policy.text import one_line
from bind_operator.reasons import Reason

logger = logging.getLogger(__name__)

MAX_WAITING = 1000
MAX_AGE_S = 600.0
"""What could not be told for so long is told no more: it is news, not state."""
MAX_REFUSED_S = 60.0
"""An API server that has just started refuses everything with 403, until it has read its roles."""
FIRST_WAIT_S = 1.0
MAX_WAIT_S = 15.0
_TERMINATING = "because it is being terminated"
_TOLD_BEFORE = "already exists"


@dataclass(frozen=True)
class _Waiting:
    event: Object
    since: float

    @property
    def age_s(self) -> float:
        return time.monotonic() - self.since


class _Sent(Enum):
    """It says how the API server took an event."""

    DONE = auto()
    """There is nothing more to do about it."""
    LATER = auto()
    """This one, and maybe others of its namespace, may be taken later."""
    UNAVAILABLE = auto()
    """Nothing is taken now."""


@dataclass
class EventLog:
    """It records events at resources, those of each namespace in their order.

    So one namespace whose events are refused, for want of a right or by a quota, holds up no other.
    """

    client: KubeClient
    _waiting: defaultdict[str, deque[_Waiting]] = field(default_factory=lambda: defaultdict(deque))
    """By namespace."""
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
            is_first = not self._waiting.get(_namespace(event))
            is_told = is_first and await self._send(event, time.monotonic()) is _Sent.DONE
        finally:
            if not is_told:
                self._keep(event)

    def _keep(self, event: Object) -> None:
        lanes = self._waiting.values()
        if sum(map(len, lanes)) >= MAX_WAITING:
            _drop(max(lanes, key=len).popleft())
        self._waiting[_namespace(event)].append(_Waiting(event, time.monotonic()))
        self._some_wait.set()

    async def has_told(self, resource: Object, reasons: Collection[Reason], words: str = "") -> bool:
        """Return whether the resource has an event of one of `reasons` with `words`, of whichever operator.

        Raises ApiUnavailable or ApiRefused.
        """
        namespace, uid = resource["metadata"]["namespace"], resource["metadata"]["uid"]
        lane = self._waiting.get(namespace, ())
        waiting = [one.event for one in lane if one.event["involvedObject"]["uid"] == uid]
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
        """Tell what waits, of each namespace oldest first; return whether nothing is left."""
        for namespace in list(self._waiting):
            if await self._flush(namespace) is _Sent.UNAVAILABLE:
                return False
        if self._waiting:
            return False
        self._some_wait.clear()
        return True

    async def _flush(self, namespace: str) -> _Sent:
        lane = self._waiting[namespace]
        while lane:
            oldest = lane[0]
            if oldest.age_s > MAX_AGE_S:
                _drop(oldest)
            elif (sent := await self._send(oldest.event, oldest.since)) is not _Sent.DONE:
                return sent
            # It may have been dropped for want of room while it was being sent.
            if lane and lane[0] is oldest:
                lane.popleft()
        self._waiting.pop(namespace, None)
        return _Sent.DONE

    async def _send(self, event: Object, since: float) -> _Sent:
        """Send `event`, which is told since then (monotonic)."""
        try:
            await self.client.create(_path(_namespace(event)), event)
        except ApiUnavailable:
            return _Sent.UNAVAILABLE
        except NotLeader:
            return _Sent.LATER
        except ApiConflict as error:
            # The first answer was lost; but a quota, too, is told of by a conflict, which passes.
            return _Sent.DONE if _TOLD_BEFORE in str(error) else _Sent.LATER
        except ApiRefused as error:
            # Nothing can be created any more in a namespace that goes, and what is there goes.
            if _TERMINATING in str(error):
                return _Sent.DONE
            if time.monotonic() - since < MAX_REFUSED_S:
                return _Sent.LATER
            logger.warning("event not recorded", extra={"reason": event["reason"], "error": str(error)})
        return _Sent.DONE


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


def _namespace(event: Object) -> str:
    namespace: str = event["metadata"]["namespace"]
    return namespace


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
