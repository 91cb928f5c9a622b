"""Pods, claims and events say why pods are not ready, in the cluster's own words. All are raw objects."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from bind_operator.policy.crashes import remedy_of_crash
from bind_operator.policy.facts import Component, Problem, Workload
from bind_operator.policy.node_wait import claim_words, lacks_node_since, unscheduled_message
from bind_operator.policy.objects import Object, component_of, template_of
from bind_operator.reasons import Reason

MAX_MESSAGE = 600
IMAGE_REASONS = (
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "ImageInspectError",
)
CONFIG_REASONS = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError")
CLAIM_REASONS = ("ProvisioningFailed", "FailedBinding")
MOUNT_REASONS = ("FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox", "FailedMapVolume")
LIMIT_FIELDS: Mapping[str, str] = {
    Component.INFERENCE: "spec.inference.resources.limits.memory",
    Component.WEAVIATE: "spec.weaviate.resources.limits.memory",
}
"""What to raise for a container that ran out of memory; a container bears its component's name."""

_NO_SECRET = re.compile(r'\bsecrets? "([^"]+)" not found')
_NO_ENTRY = re.compile(
    r"(?:couldn't find key|references non-existent secret key:) ([^ ,]+)(?: in Secret ([^ ,]+))?"
)
"""So the kubelet says that a variable or a volume has no source."""

_RANK = (
    Reason.NODE_NOT_READY,
    Reason.VOLUME_UNBOUND,
    Reason.UNSCHEDULABLE,
    Reason.IMAGE_PULL_FAILED,
    Reason.CONTAINER_CONFIG_INVALID,
    Reason.OUT_OF_MEMORY,
    Reason.CRASH_LOOPING,
    Reason.CONTAINER_NOT_STARTED,
    Reason.PODS_REFUSED,
    Reason.EVICTED,
)
"""The first of several problems is reported, which is the cause of the others where they hang together.

A lost node takes its pods along, and those in their place find no room; a claim without a volume keeps its
pod from being scheduled; only what was scheduled pulls an image, and only what was pulled runs and crashes.
"""


def diagnose(
    pods: Sequence[Object],
    claims: Sequence[Object],
    events: Sequence[Object],
    workloads: Iterable[Workload],
    template: str | None = None,
) -> Problem | None:
    """Return the problem that keeps pods from being ready, or None if the cluster names none.

    pods, claims: of one release. events: of its pods, claims and workloads, in any order. template: what the
    inference servers' Deployment rolls out, None if all of its pods have it. What is wrong with pods of an
    older one, which go as soon as they can, is reported only while there is nothing newer.
    """
    latest = _latest_by_object(events)
    counting = [pod for pod in pods if _counts(pod)]
    older = [pod for pod in counting if _is_older(pod, template)]
    found = [
        *_node_problems(pods),
        *_claim_problems(claims, latest),
        *(problem for pod in counting if pod not in older for problem in _pod_problems(pod, latest)),
        *_refusals(workloads, latest),
    ]
    if not found and not any(template_of(pod) == template for pod in counting):
        found = [problem for pod in older for problem in _pod_problems(pod, latest)]
    return min(found, key=lambda problem: _RANK.index(problem.reason), default=None)


def _is_older(pod: Object, template: str | None) -> bool:
    """Return whether a pod is of another template than the Deployment of the inference servers rolls out."""
    return bool(template) and template_of(pod) not in {None, template} and component_of(pod) != Component.GATE


def needs_events(
    pods: Sequence[Object], claims: Sequence[Object], workloads: Iterable[Workload]
) -> list[str]:
    """Return the uids of the objects whose events `diagnose` would look at.

    Not the names: the pods of a StatefulSet take those of their dead, whose events stay for an hour.
    """
    unbound = [_uid(claim) for claim in claims if not _is_bound(claim)]
    waiting = [_uid(pod) for pod in pods if _counts(pod) and (_is_starting(pod) or _has_no_node(pod))]
    short = [workload.uid for workload in workloads if workload.ready < workload.wanted]
    return [*unbound, *waiting, *short]


def _node_problems(pods: Sequence[Object]) -> Iterator[Problem]:
    """Yield what the cluster's controllers tell of nodes by their pods; nodes themselves are not read."""
    for pod in pods:
        node = pod.get("spec", {}).get("nodeName", "")
        conditions = {one["type"]: one for one in pod.get("status", {}).get("conditions", [])}
        if conditions.get("DisruptionTarget", {}).get("reason") == "DeletionByTaintManager":
            text = (
                f"pod {_name(pod)} is to leave node {node}, which does not answer or has a taint that the "
                f"pod does not tolerate; bring the node back, or if {node} is gone for good, run: kubectl "
                f"delete node {node}"
            )
            yield Problem(Reason.NODE_NOT_READY, _shorten(text))
        elif _is_lost(pod, conditions):
            text = (
                f"node {node} of pod {_name(pod)} does not answer; see what is wrong with it: kubectl "
                f"describe node {node}"
            )
            yield Problem(Reason.NODE_NOT_READY, _shorten(text))


def _is_lost(pod: Object, conditions: Mapping[str, Object]) -> bool:
    """Return whether somebody else than the kubelet says that the pod is not ready.

    The kubelet gives a reason, or its containers are not ready either.
    """
    ready, containers = conditions.get("Ready", {}), conditions.get("ContainersReady", {})
    is_told_unready = ready.get("status") == "False" and not ready.get("reason")
    return _counts(pod) and is_told_unready and containers.get("status") == "True"


def _claim_problems(claims: Sequence[Object], latest: Mapping[str, list[Object]]) -> Iterator[Problem]:
    for claim in claims:
        message = _event_message(latest, _uid(claim), CLAIM_REASONS)
        if message and not _is_bound(claim):
            text = f"volume claim {_name(claim)} is not bound: {message}"
            yield Problem(Reason.VOLUME_UNBOUND, _shorten(text))


def _pod_problems(pod: Object, latest: Mapping[str, list[Object]]) -> Iterator[Problem]:
    name = _name(pod)
    status = pod.get("status", {})
    if status.get("reason") == "Evicted":
        yield Problem(Reason.EVICTED, _shorten(f"pod {name} was evicted: {status.get('message', '')}"))
        return
    events = latest.get(_uid(pod), [])
    if not _is_considered(pod) and claim_words(events):
        # The scheduler does not look at such a pod at all.
        yield Problem(Reason.UNSCHEDULABLE, _shorten(unscheduled_message(pod, {}, events)))
    for condition in status.get("conditions", []):
        # Not SchedulerError, a transient error that the scheduler retries by itself.
        if condition["type"] == "PodScheduled" and condition.get("reason") == "Unschedulable":
            text = unscheduled_message(pod, condition, events)
            since = lacks_node_since(condition)
            yield Problem(Reason.UNSCHEDULABLE, _shorten(text), lacks_node_since=since)
    for container in _container_statuses(pod):
        problem = _container_problem(pod, container)
        if problem:
            yield problem
    message = _event_message(latest, _uid(pod), MOUNT_REASONS)
    if message and _is_starting(pod):
        missing = _missing_secret(message)
        text = f"{missing}pod {name} cannot start: {message}"
        yield Problem(Reason.CONTAINER_NOT_STARTED, _shorten(text), lacks_secret=bool(missing))


def _container_problem(pod: Object, status: Object) -> Problem | None:
    """Return what is wrong with one container that is not ready."""
    if status.get("ready"):
        return None
    where = f"container {status['name']} of pod {_name(pod)}"
    waiting = status.get("state", {}).get("waiting") or {}
    reason, message = waiting.get("reason", ""), waiting.get("message", "")
    ended = status.get("state", {}).get("terminated") or status.get("lastState", {}).get("terminated") or {}
    if reason in IMAGE_REASONS:
        text = f"{where}: {reason}: {message or status.get('image', '')}"
        return Problem(Reason.IMAGE_PULL_FAILED, _shorten(text))
    if reason in CONFIG_REASONS:
        missing = _missing_secret(message)
        text = f"{_remedy_for_image_volume(pod, message)}{missing}{where}: {reason}: {message}"
        return Problem(Reason.CONTAINER_CONFIG_INVALID, _shorten(text), lacks_secret=bool(missing))
    if ended.get("reason") == "OOMKilled":
        return Problem(Reason.OUT_OF_MEMORY, _shorten(_out_of_memory(pod, status, where)))
    if reason == "CrashLoopBackOff" or (ended.get("exitCode", 0) != 0 and status.get("restartCount", 0) > 0):
        log = (ended.get("message") or ended.get("reason") or "").strip()
        ending = f"{where} ended with exit code {ended.get('exitCode')}: {log[-400:]}"
        text = f"{remedy_of_crash(status['name'], log)}{ending}"
        return Problem(Reason.CRASH_LOOPING, _shorten(text))
    return None


def _missing_secret(message: str) -> str:
    """Return what to do where the kubelet misses a Secret or an entry of one; "" elsewhere."""
    if (found := _NO_SECRET.search(message)) is not None:
        return f"the Secret {found[1]} is not there: create it, or name another one: "
    if (found := _NO_ENTRY.search(message)) is not None:
        of = f" of the Secret {found[2].rpartition('/')[2]}" if found[2] else ""
        return f"the entry {found[1]}{of} is not there: add it, or name another one: "
    return ""


def _remedy_for_image_volume(pod: Object, message: str) -> str:
    """Return what to do where a runtime that knows no image volumes was given one; "" elsewhere.

    containerd before 2.1 then takes the volume for a folder without a name, and says no more than that.
    """
    has_one = any("image" in volume for volume in pod.get("spec", {}).get("volumes", []))
    if not has_one or 'mkdir ""' not in message:
        return ""
    return (
        "the node's container runtime mounts no image volumes (containerd 2.1 or CRI-O 1.31 is needed); give "
        "the weights by spec.inference.model.weights.existingClaim or url there: "
    )


def _out_of_memory(pod: Object, status: Object, where: str) -> str:
    containers = {container["name"]: container for container in pod.get("spec", {}).get("containers", [])}
    resources = containers.get(status["name"], {}).get("resources", {})
    limit = resources.get("limits", {}).get("memory", "unknown")
    field = LIMIT_FIELDS.get(status["name"])
    remedy = f"; raise {field}" if field else ""
    return f"{where} was killed at its memory limit of {limit} (OOMKilled){remedy}"


def _refusals(workloads: Iterable[Workload], latest: Mapping[str, list[Object]]) -> Iterator[Problem]:
    for workload in workloads:
        message = workload.refusal or _event_message(latest, workload.uid, ("FailedCreate",))
        if message and workload.ready < workload.wanted:
            text = f"pods of {workload.name} cannot be created: {message}"
            yield Problem(Reason.PODS_REFUSED, _shorten(text))


def _latest_by_object(events: Sequence[Object]) -> dict[str, list[Object]]:
    """Return the events of each object by its uid, newest first."""
    grouped: dict[str, list[Object]] = {}
    for event in sorted(events, key=_event_time, reverse=True):
        grouped.setdefault(event.get("involvedObject", {}).get("uid", ""), []).append(event)
    return grouped


def _event_time(event: Object) -> str:
    created = event.get("metadata", {}).get("creationTimestamp")
    return event.get("lastTimestamp") or event.get("eventTime") or created or ""


def _event_message(latest: Mapping[str, list[Object]], uid: str, reasons: Sequence[str]) -> str:
    for event in latest.get(uid, []):
        if event.get("reason") in reasons:
            return str(event.get("message", ""))
    return ""


def _container_statuses(pod: Object) -> Iterator[Object]:
    status = pod.get("status", {})
    # A finished init container is not ready and well.
    for container in status.get("initContainerStatuses", []):
        if (container.get("state", {}).get("terminated") or {}).get("exitCode") != 0:
            yield container
    yield from status.get("containerStatuses", [])


def _is_starting(pod: Object) -> bool:
    """Return whether the pod has a node but no container has started yet."""
    waiting = [status.get("state", {}).get("waiting") or {} for status in _container_statuses(pod)]
    return any(state.get("reason") in ("ContainerCreating", "PodInitializing") for state in waiting)


def _has_no_node(pod: Object) -> bool:
    """Return whether the pod has no node yet, of which others than the scheduler tell by events."""
    conditions = pod.get("status", {}).get("conditions", [])
    is_refused = any(
        one["type"] == "PodScheduled" and one.get("reason") == "Unschedulable" for one in conditions
    )
    return is_refused or not (pod.get("spec", {}).get("nodeName") or _is_considered(pod))


def _is_considered(pod: Object) -> bool:
    """Return whether the scheduler has looked at the pod."""
    return any(one["type"] == "PodScheduled" for one in pod.get("status", {}).get("conditions", []))


def _counts(pod: Object) -> bool:
    """Return whether the pod still matters: one that is being deleted or has succeeded does not."""
    deleting = pod.get("metadata", {}).get("deletionTimestamp")
    return not deleting and pod.get("status", {}).get("phase") != "Succeeded"


def _is_bound(claim: Object) -> bool:
    return bool(claim.get("status", {}).get("phase") == "Bound")


def _name(item: Object) -> str:
    return str(item["metadata"]["name"])


def _uid(item: Object) -> str:
    return str(item["metadata"]["uid"])


def _shorten(text: str) -> str:
    """Return `text` on one line and of a length that a condition can hold."""
    line = " ".join(text.split())
    return line if len(line) <= MAX_MESSAGE else f"{line[: MAX_MESSAGE - 1]}…"
