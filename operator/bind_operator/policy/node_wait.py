"""A pod that finds no node may still get one from an autoscaler, so that is waited for, and no fault yet."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from bind_operator.policy.facts import Problem
from bind_operator.policy.objects import Object
from bind_operator.reasons import Reason

AUTOSCALER_REASONS = ("TriggeredScaleUp", "NotTriggerScaleUp", "Nominated")
"""The first two are of cluster-autoscaler, the third is Karpenter's."""
KARPENTER = "karpenter"
CLAIM_REASONS = ("FailedResourceClaimCreation",)
"""A pod whose device claims cannot be made is not scheduled either."""
_OTHERS_REASON = "FailedScheduling"

_NO_NODE = re.compile(r"^(0/\d+ nodes are available|no nodes available)")
_NO_HELP = re.compile(r"persistentvolumeclaim|resourceclaim|resource claim", re.IGNORECASE)
"""No other node ends that: the claim has to come first."""
_PREEMPTION = re.compile(r"\s*preemption: .*$", re.DOTALL)


def lacks_node_since(condition: Object) -> float | None:
    """Return since when no node fits a pod, by its condition PodScheduled; None if a node would not help."""
    message = condition.get("message", "")
    since = condition.get("lastTransitionTime")
    if not since or not _NO_NODE.match(message) or _NO_HELP.search(message):
        return None
    return datetime.fromisoformat(since).timestamp()


def scheduler_words(message: str) -> str:
    """Return what the scheduler says, without what would not come of evicting others."""
    return _PREEMPTION.sub("", message).strip()


def describe_request(pod: Object) -> str:
    """Return what a pod asks of a node, in words."""
    spec = pod.get("spec", {})
    asks = [f"{amount} {name}" for name, amount in sorted(_amounts(spec).items(), key=_order)]
    asks += [f"device claim {claim['name']}" for claim in spec.get("resourceClaims", [])]
    labels = ",".join(f"{name}={value}" for name, value in sorted(spec.get("nodeSelector", {}).items()))
    where = f" on a node with {labels}" if labels else ""
    runtime = f", runtime class {spec['runtimeClassName']}" if spec.get("runtimeClassName") else ""
    return f"{', '.join(asks) or 'nothing'}{where}{runtime}"


def _amounts(spec: Object) -> dict[str, str]:
    """Return the requests of the containers; of one name, those of each, as two containers ask for both."""
    found: dict[str, list[str]] = {}
    for container in spec.get("containers", []):
        resources = container.get("resources", {})
        # What has no request of its own requests its limit.
        for name, amount in {**resources.get("limits", {}), **resources.get("requests", {})}.items():
            found.setdefault(name, []).append(str(amount))
    return {name: "+".join(amounts) for name, amounts in found.items()}


def _order(amount: tuple[str, str]) -> tuple[bool, str]:
    """Put GPUs and their like first: they are what is lacking most often."""
    return "/" not in amount[0], amount[0]


def autoscaler_words(events: Iterable[Object]) -> str:
    """Return what an autoscaler said last about a pod; "" if none did. events: newest first."""
    for event in events:
        reason, message = event.get("reason", ""), event.get("message", "")
        source = event.get("source", {}).get("component") or event.get("reportingComponent", "")
        if reason in AUTOSCALER_REASONS or (reason == _OTHERS_REASON and source == KARPENTER):
            return f"{source or 'the autoscaler'}: {reason}: {message}"
    return ""


def claim_words(events: Iterable[Object]) -> str:
    """Return why the device claims of a pod cannot be made; "" if nobody says so."""
    return next((str(one.get("message", "")) for one in events if one.get("reason") in CLAIM_REASONS), "")


def unscheduled_message(pod: Object, condition: Object, events: Sequence[Object]) -> str:
    """Return why a pod has no node: the scheduler's words, the pod's wishes, and an autoscaler's words."""
    said = [scheduler_words(condition.get("message", "")), claim_words(events)]
    sentences = [
        f"pod {pod['metadata']['name']} cannot be scheduled: {' '.join(_ended(one) for one in said if one)}",
        f"It asks for {describe_request(pod)}",
        autoscaler_words(events),
    ]
    return " ".join(_ended(sentence) for sentence in sentences if sentence)


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith(".") else f"{sentence}."


def with_patience(problem: Problem | None, *, now: float, wait_s: float) -> Problem | None:
    """Return `problem` as it stands at `now`: a pod is let wait for a node for `wait_s` seconds."""
    if problem is None or problem.lacks_node_since is None:
        return problem
    until = problem.lacks_node_since + wait_s
    if now >= until:
        return problem
    clock = datetime.fromtimestamp(until, UTC).strftime("%H:%M:%SZ")
    message = f"a node is waited for until {clock}: {problem.message}"
    return replace(problem, reason=Reason.WAITING_FOR_NODE, message=message)


def rest_of_wait_s(problem: Problem | None, *, now: float, wait_s: float) -> float | None:
    """Return after how long a pod that waits for a node has waited for long enough; None if none waits."""
    if problem is None or problem.reason is not Reason.WAITING_FOR_NODE or problem.lacks_node_since is None:
        return None
    return max(0.0, problem.lacks_node_since + wait_s - now)
