"""An autoscaler of the inference pods: what is told of it, and when the last pod ends and the first comes.

A HorizontalPodAutoscaler cannot go to no pod at all, and leaves a Deployment alone that has none. KEDA looks
every few seconds, and would miss short requests. So the operator ends the last pods and wakes the first, by
what the gates have counted.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Any

from bind_operator.api.autoscaling import Autoscaling
from bind_operator.api.status import AutoscalingStatus, ConditionType
from bind_operator.policy.facts import Component, Problem, Workload
from bind_operator.policy.names import workload_name
from bind_operator.policy.objects import Object, component_of
from bind_operator.reasons import Reason

KEDA_GROUP = "keda.sh/v1alpha1"
KEDA_REMEDY = (
    "spec.inference.autoscaling.target.queueDepth needs KEDA, and the cluster does not know its ScaledObject "
    f"({KEDA_GROUP}); install KEDA (https://keda.sh), or set target.cpuUtilization in its place"
)
METRICS_REMEDIES: Mapping[str, str] = {
    # The API server's own words, which the autoscaler passes on.
    "could not find the requested resource (get pods.metrics.k8s.io)": "nothing in the cluster tells what "
    "pods use; install metrics-server (https://github.com/kubernetes-sigs/metrics-server), or set "
    "target.queueDepth in place of target.cpuUtilization",
    "unable to handle the request (get pods.metrics.k8s.io)": "metrics-server is installed and does not "
    "answer; `kubectl describe apiservice v1beta1.metrics.k8s.io` tells why",
}
RESTS = ("ScalingDisabled",)
"""An autoscaler gives these reasons where it has nothing to do: there is no pod."""
BAD: Mapping[str, str] = {
    "AbleToScale": "False",
    "ScalingActive": "False",
    "Ready": "False",
    "HPAActive": "False",
}
"""What the conditions of a HorizontalPodAutoscaler, and of a ScaledObject, are where it cannot scale."""
MARGIN_S = 5
"""A pod that is ready is known to the gates so long after at most."""
MAX_SILENT = 10
"""After so many looks at gates that do not answer the first pod is woken: somebody may wait there."""


@dataclass(frozen=True)
class Scaling:
    """It is what a look finds of the autoscaler of one resource."""

    spec: Autoscaling
    fault: str = ""
    """It says why the autoscaler cannot scale, in its own words."""
    start_s: int | None = None
    """The last pod took so long from its creation until it was ready; None if none was seen."""
    is_waking: bool = False
    """There was no pod, and the first one is not ready yet."""
    asleep_since: str | None = None

    @property
    def waking_message(self) -> str:
        """It says what waits for the first pod, and how long that takes."""
        before = f"; the last one took {self.start_s} s to start" if self.start_s is not None else ""
        return f"the gate holds requests until the first inference pod is ready{before}"

    def describe(self, inference: Workload, problem: Problem | None) -> str:
        """Return what Ready says where all is as it should be."""
        if inference.is_asleep:
            parts = ["nobody asks, so no inference pod runs; the next request wakes the first one"]
        else:
            parts = [f"the release matches the spec; {inference.ready} of {inference.wanted} inference pods"]
            parts[0] += " are ready"
        if self.start_s is not None and self.spec.sleeps:
            parts.append(self._about_the_start(self.start_s))
        if self.fault:
            parts.append(f"the autoscaler cannot scale: {self.fault}")
        if problem is not None and inference.ready < inference.wanted:
            parts.append(problem.message)
        return "; ".join(parts)

    def _about_the_start(self, start_s: int) -> str:
        took = f"the last pod took {start_s} s to start"
        if start_s + MARGIN_S <= self.spec.hold_seconds:
            return took
        return (
            f"{took}, and the gate holds requests for {self.spec.hold_seconds} s only: raise "
            "spec.inference.autoscaling.holdSeconds, or set minReplicas: 1"
        )

    @property
    def status(self) -> AutoscalingStatus:
        """It is what the status says."""
        return AutoscalingStatus(
            scaler="KEDA" if self.spec.target.queue_depth else "HorizontalPodAutoscaler",
            min_replicas=self.spec.min_replicas,
            max_replicas=self.spec.max_replicas,
            start_seconds=self.start_s,
            asleep_since=self.asleep_since,
        )


def read_scaling(
    spec: Autoscaling,
    autoscaler: Object | None,
    inference: Workload | None,
    pods: Sequence[Object],
    status: Mapping[str, Any],
    now: str,
) -> Scaling:
    """Return what is found of the autoscaler. status: of the resource so far. now: RFC 3339, UTC."""
    before = status.get("autoscaling") or {}
    is_asleep = inference is not None and spec.sleeps and inference.wanted == 0
    was_asleep = _ready_reason(status) in (Reason.ASLEEP, Reason.WAKING)
    is_waking = was_asleep and inference is not None and inference.wanted > 0 and inference.ready == 0
    start_s = start_seconds(pods)
    return Scaling(
        spec,
        fault=fault_of(autoscaler),
        start_s=start_s if start_s is not None else before.get("startSeconds"),
        is_waking=is_waking,
        asleep_since=(before.get("asleepSince") or now) if is_asleep else None,
    )


def autoscaler_name(release: str) -> str:
    """Return the name of the HorizontalPodAutoscaler or ScaledObject of a release."""
    return workload_name(release, Component.INFERENCE)


def fault_of(autoscaler: Object | None) -> str:
    """Return why an autoscaler cannot scale, in its own words, and the remedy where that is known.

    It is "" if it can, or has not said anything yet.
    """
    conditions = autoscaler.get("status", {}).get("conditions", []) if autoscaler else []
    for one in conditions:
        if BAD.get(one["type"]) == one["status"] and one.get("reason") not in RESTS:
            said = f"{one.get('reason', '')}: {one.get('message', '')}"
            remedies = [remedy for words, remedy in METRICS_REMEDIES.items() if words in said]
            return "; ".join([said, *remedies])
    return ""


def start_seconds(pods: Iterable[Object]) -> int | None:
    """Return how long the youngest inference pod that is ready took from its creation; None if none is."""
    found = []
    for pod in pods:
        conditions = {one["type"]: one for one in pod.get("status", {}).get("conditions", [])}
        ready = conditions.get("Ready", {})
        created = pod["metadata"].get("creationTimestamp")
        if component_of(pod) is Component.INFERENCE and ready.get("status") == "True" and created:
            since = ready.get("lastTransitionTime") or created
            found.append((created, since))
    if not found:
        return None
    created, since = max(found)
    return max(0, round((datetime.fromisoformat(since) - datetime.fromisoformat(created)).total_seconds()))


def _ready_reason(status: Mapping[str, Any]) -> str:
    conditions = status.get("conditions", [])
    return next((one["reason"] for one in conditions if one["type"] == ConditionType.READY), "")


@dataclass(frozen=True)
class Counts:
    """It is what gates have counted of requests for vectors."""

    waiting: int
    """So many are there now: they wait, or are worked on."""
    passed: int
    """So many have ended since the gates started."""

    def __add__(self, other: "Counts") -> "Counts":
        """Return what both have counted."""
        return Counts(self.waiting + other.waiting, self.passed + other.passed)


_COUNT = re.compile(r"^caddy_http_requests_(in_flight|total)\{([^}]*)\} ([0-9.e+]+)$", re.MULTILINE)


def read_counts(metrics: str) -> Counts | None:
    """Return what a gate has counted, by its metrics; None if it is of a configuration that counts nothing.

    A gate that has not been asked for a vector yet has no figure of it.
    """
    found: dict[str, int] = {}
    is_named = False
    for kind, labels, value in _COUNT.findall(metrics):
        is_named = is_named or 'server="gate"' in labels
        if 'server="wait"' in labels and 'handler="subroute"' in labels:
            found[kind] = int(float(value))
    return Counts(found.get("in_flight", 0), found.get("total", 0)) if is_named else None


class Step(Enum):
    """One look at the gates of a resource comes to one of these."""

    NOTHING = auto()
    WAKE = auto()
    SLEEP = auto()


@dataclass(frozen=True)
class Sleeper:
    """It is a resource whose pods may end while nobody asks, as its last look found it."""

    least: int
    replicas: int
    gates: tuple[str, ...]
    """Addresses of all gates."""
    sleep_after_s: float
    may_sleep: bool
    """All is as it should be, and nothing is under way."""


@dataclass(frozen=True)
class Quiet:
    """It is what is known of the time in which nobody asked."""

    passed: int = -1
    since: float = 0.0
    silent: int = 0
    """So many looks in a row brought no answer of all gates."""


def judge(sleeper: Sleeper, before: Quiet, counts: Counts | None, now: float) -> tuple[Step, Quiet]:
    """Return what to do after a look at the gates, and what is known then.

    counts: of all gates; None if one of them did not answer. now: any clock's seconds.
    """
    if counts is None:
        after = Quiet(silent=before.silent + 1)
        is_blind = sleeper.replicas == 0 and after.silent >= MAX_SILENT
        return (Step.WAKE if is_blind else Step.NOTHING), after
    is_quiet = counts.waiting == 0 and counts.passed == before.passed
    after = Quiet(counts.passed, before.since if is_quiet else now)
    if sleeper.replicas == 0:
        return (Step.WAKE if counts.waiting or sleeper.least else Step.NOTHING), after
    is_over = is_quiet and now - after.since >= sleeper.sleep_after_s
    can_sleep = sleeper.least == 0 and sleeper.may_sleep
    return (Step.SLEEP if is_over and can_sleep else Step.NOTHING), after
