"""Watching has rules: what is watched, whose it is, when to try again, and when a watch counts as deaf."""

from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum

from bind_operator.api.identity import GROUP, PLURAL, VERSION
from bind_operator.policy.facts import Component, Key
from bind_operator.policy.names import CHART
from bind_operator.policy.objects import INSTANCE_LABEL, NAME_LABEL, Object

MAX_WAIT_S = 10.0
"""So long after a fault an edit is seen at the latest; a dozen requests in that time burden nobody."""
MAX_ASKED_WAIT_S = 30.0
FORBIDDEN_OPTIONAL_WAIT_S = 300.0
FIRST_WAIT_S = 0.5
SETTLE_S = 0.2
"""Objects change in bursts; one reconciliation answers for all of them."""
EVERYWHERE = ""
"""It stands for all namespaces where one is named."""
DEAF_AFTER_S = 180.0
"""A living watch gives a sign every 75 s: bookmarks come each minute, and silence makes it connect anew."""

CLAIM_TEMPLATE = "weaviate-data-"
"""The StatefulSet's claims are called so, before the name of its pod."""


@dataclass(frozen=True)
class WatchedKind:
    """It is one kind of object, and which of them are watched."""

    group: str
    version: str
    plural: str
    labels: str = ""
    fields: str = ""
    is_optional: bool = False
    """Whether the operator does without where it has no right to it."""
    is_news: bool = False
    """Whether objects are worth only as they come: then none is listed, and they are read whole."""

    def path(self, namespace: str) -> str:
        """Return the path of the list, in `namespace` or in all where it is empty."""
        base = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        return f"{base}/namespaces/{namespace}/{self.plural}" if namespace else f"{base}/{self.plural}"


RESOURCES = WatchedKind(GROUP, VERSION, PLURAL)
_OURS = f"{NAME_LABEL}={CHART},{INSTANCE_LABEL}"
CHILDREN = (
    WatchedKind("", "v1", "pods", _OURS),
    WatchedKind("apps", "v1", "deployments", _OURS),
    WatchedKind("apps", "v1", "statefulsets", _OURS),
    WatchedKind("", "v1", "services", _OURS),
    WatchedKind("", "v1", "configmaps", _OURS),
    WatchedKind("", "v1", "persistentvolumeclaims", _OURS),
    WatchedKind("policy", "v1", "poddisruptionbudgets", _OURS),
    WatchedKind("networking.k8s.io", "v1", "networkpolicies", _OURS),
    WatchedKind("autoscaling", "v2", "horizontalpodautoscalers", _OURS, is_optional=True),
)
EVENTS = WatchedKind("", "v1", "events", fields="type=Warning", is_news=True)


class Cause(StrEnum):
    """A watch failed for this."""

    NONE = "None"
    UNREACHABLE = "Unreachable"
    UNAUTHORIZED = "Unauthorized"
    FORBIDDEN = "Forbidden"
    NOT_SERVED = "NotServed"
    EXPIRED = "Expired"
    REFUSED = "Refused"


_CAUSES = {401: Cause.UNAUTHORIZED, 403: Cause.FORBIDDEN, 404: Cause.NOT_SERVED, 410: Cause.EXPIRED}


def cause_of_status(status: int | None) -> Cause:
    """Return what the status of an answer, or the code of an ERROR event, says of a failure."""
    return _CAUSES.get(status or 0, Cause.REFUSED)


@dataclass(frozen=True)
class Request:
    """It is a request for a list or a watch: once as it begins, and once as it was answered or failed."""

    path: str
    is_watch: bool
    cause: Cause | None = None
    """None as it begins; NONE where it was answered well."""
    detail: str = ""
    """The answer or failure in words."""


def child_key(child: Object) -> Key:
    """Return the resource that an object of a release belongs to, by its label."""
    metadata = child["metadata"]
    return Key(metadata.get("namespace", ""), metadata["labels"][INSTANCE_LABEL])


def event_key(event: Object, is_known: Callable[[Key], bool]) -> Key | None:
    """Return the known resource whose pods, claims or workloads an event tells of; None for all others."""
    involved = event.get("involvedObject", {})
    namespace, name = involved.get("namespace", ""), involved.get("name", "")
    for component in Component:
        before = name.rpartition(f"-{component}")[0]
        for instance in (before, before.removeprefix(CLAIM_TEMPLATE)):
            key = Key(namespace, instance)
            if instance and is_known(key):
                return key
    return None


MOST_EVENTS = 10_000
"""What older events have said is forgotten; a repeat of theirs costs a look."""


class EventNews:
    """It knows what events have said, since one that is counted up says nothing new.

    The scheduler repeats itself about each pod that finds no node: with 100 of them 20 times a second.
    """

    def __init__(self) -> None:
        self._said: OrderedDict[str, tuple[str, str]] = OrderedDict()

    def is_new(self, type_: str, event: Object) -> bool:
        """Return whether an event, as a watch tells of it, says what it has not said before."""
        uid = event.get("metadata", {}).get("uid", "")
        if type_ == "DELETED":
            self._said.pop(uid, None)
            return False
        said = (event.get("reason", ""), event.get("message", ""))
        if self._said.get(uid) == said:
            return False
        self._said[uid] = said
        self._said.move_to_end(uid)
        if len(self._said) > MOST_EVENTS:
            self._said.popitem(last=False)
        return True


def retry_wait_s(
    kind: WatchedKind, cause: Cause, failures: int, asked_s: float | None, jitter: float
) -> float:
    """Return how long to wait after the `failures`-th failure in a row.

    asked_s: what the server asks for. jitter: in [0, 1), so that watches that broke together part.
    """
    if cause is Cause.FORBIDDEN and kind.is_optional:
        return FORBIDDEN_OPTIONAL_WAIT_S
    wait_s = min(FIRST_WAIT_S * 2.0 ** min(failures - 1, 10), MAX_WAIT_S) * (0.5 + jitter / 2)
    return float(max(wait_s, min(asked_s or 0.0, MAX_ASKED_WAIT_S)))


@dataclass(frozen=True)
class Signs:
    """It is what a watch shows of its life, in monotonic seconds."""

    name: str
    is_optional: bool
    seen_at: float
    """The last event, bookmark or successful connect."""
    tried_at: float
    """The last attempt, or its failure."""
    cause: Cause


def deaf(signs: Collection[Signs], now: float) -> str | None:
    """Return which watch only a new process can bring back, and why; None if there is none.

    An API server that is away or refuses is no such reason: the watch tries again by itself, and a new
    process could do no more. One that neither hears nor tries is stuck; one whose credentials are refused may
    be holding old ones.
    """
    for one in signs:
        silent_s = now - one.seen_at
        if one.is_optional or silent_s <= DEAF_AFTER_S:
            continue
        if now - one.tried_at > DEAF_AFTER_S:
            return f"the watch of {one.name} has neither heard nor tried anything for {silent_s:.0f} s"
        if one.cause is Cause.UNAUTHORIZED:
            return f"the watch of {one.name} has been refused its credentials for {silent_s:.0f} s"
    return None
