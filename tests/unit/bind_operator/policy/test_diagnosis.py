"""The cluster's own words, by named situations. Objects as a real API server gives them, cut down."""

from typing import Any

import pytest

from bind_operator.policy.diagnosis import MAX_MESSAGE, diagnose, needs_events
from bind_operator.policy.facts import Workload
from bind_operator.reasons import Reason

INFERENCE = Workload("t-inference", "t", wanted=1, ready=0, is_current=True, uid="uid-of-t-inference")


def pod(name: str = "t-inference-x", **status: Any) -> dict[str, Any]:
    containers = [{"name": "inference", "resources": {"limits": {"memory": "3Gi"}}}]
    metadata = {"name": name, "uid": f"uid-of-{name}"}
    return {"metadata": metadata, "spec": {"containers": containers, "nodeName": "n1"}, "status": status}


def waiting(reason: str, message: str = "", **more: Any) -> dict[str, Any]:
    state = {"waiting": {"reason": reason, "message": message}}
    return pod(containerStatuses=[{"name": "inference", "ready": False, "state": state, **more}])


def claim(phase: str) -> dict[str, Any]:
    name = "weaviate-data-t-weaviate-0"
    return {"metadata": {"name": name, "uid": f"uid-of-{name}"}, "status": {"phase": phase}}


def event(name: str, reason: str, message: str, when: str = "2026-01-01T00:00:00Z") -> dict[str, Any]:
    about = {"name": name, "uid": f"uid-of-{name}"}
    return {"involvedObject": about, "reason": reason, "message": message, "lastTimestamp": when}


def of_a_namesake(event: dict[str, Any]) -> dict[str, Any]:
    """Return `event` as one of an object of the same name that is gone."""
    return event | {"involvedObject": event["involvedObject"] | {"uid": "uid-of-the-dead"}}


OOM = {"terminated": {"reason": "OOMKilled", "exitCode": 137}}
CRASH = {"terminated": {"reason": "Error", "exitCode": 1, "message": "no weights at /cache"}}
NO_NODE = "0/1 nodes are available: 1 Insufficient nvidia.com/gpu."
UNSCHEDULED = [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": NO_NODE}]
NOT_FOUND = 'Back-off pulling image "ghcr.io/x:1": ErrImagePull: not found'
# containerd 1.6.20 on Kubernetes 1.35.4
NO_IMAGE_VOLUMES = (
    'failed to generate container "bc363e3cc6642521bd470336904173da627ac2e2496dc1a8919387fa68ae7f5c" spec: '
    'failed to generate spec: failed to mkdir "": mkdir : no such file or directory'
)
READY = {"name": "inference", "ready": True, "state": {"running": {}}, "lastState": OOM, "restartCount": 1}
SERVES = [{"type": "Ready", "status": "True"}, {"type": "ContainersReady", "status": "True"}]
LOST = [{"type": "Ready", "status": "False"}, {"type": "ContainersReady", "status": "True"}]
"""So the node lifecycle controller leaves a pod of a node that does not answer: Kubernetes 1.35."""


def gone_with_its_node() -> dict[str, Any]:
    """Return a pod that the taint manager deletes and that no kubelet ends."""
    target = {
        "type": "DisruptionTarget",
        "status": "True",
        "reason": "DeletionByTaintManager",
        "message": "Taint manager: deleting due to NoExecute taint",
    }
    item = pod(phase="Running", conditions=[*LOST, target], containerStatuses=[READY])
    item["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    return item


NO_CLASS = 'storageclass.storage.k8s.io "fast" not found'

# situation: pods, claims, events, reason, part of the message
CASES: dict[str, tuple[list[Any], list[Any], list[Any], Reason, str]] = {
    "no node fits": ([pod(conditions=UNSCHEDULED)], [], [], Reason.UNSCHEDULABLE, NO_NODE),
    "image is not found": (
        [waiting("ImagePullBackOff", NOT_FOUND)],
        [],
        [],
        Reason.IMAGE_PULL_FAILED,
        f"ImagePullBackOff: {NOT_FOUND}",
    ),
    "image pull failed just now": (
        [waiting("ErrImagePull", "connection refused")],
        [],
        [],
        Reason.IMAGE_PULL_FAILED,
        "connection refused",
    ),
    "killed at the memory limit and waiting": (
        [waiting("CrashLoopBackOff", "back-off 10s", lastState=OOM, restartCount=2)],
        [],
        [],
        Reason.OUT_OF_MEMORY,
        "killed at its memory limit of 3Gi (OOMKilled); raise spec.inference.resources.limits.memory",
    ),
    "killed at the memory limit and running again": (
        [
            pod(
                containerStatuses=[
                    {"name": "inference", "ready": False, "state": {"running": {}}, "lastState": OOM}
                ]
            )
        ],
        [],
        [],
        Reason.OUT_OF_MEMORY,
        "3Gi",
    ),
    "keeps crashing": (
        [waiting("CrashLoopBackOff", "back-off 10s", lastState=CRASH, restartCount=3)],
        [],
        [],
        Reason.CRASH_LOOPING,
        "exit code 1: no weights at /cache",
    ),
    "a Secret is missing": (
        [waiting("CreateContainerConfigError", 'secret "keys" not found')],
        [],
        [],
        Reason.CONTAINER_CONFIG_INVALID,
        'secret "keys" not found',
    ),
    "a runtime without image volumes is named, and what to do": (
        [waiting("CreateContainerError", NO_IMAGE_VOLUMES) | {"spec": {"volumes": [{"image": {}}]}}],
        [],
        [],
        Reason.CONTAINER_CONFIG_INVALID,
        "the node's container runtime mounts no image volumes (containerd 2.1 or CRI-O 1.31 is needed); give "
        "the weights by spec.inference.model.weights.existingClaim or url there: container inference of pod "
        f"t-inference-x: CreateContainerError: {NO_IMAGE_VOLUMES}",
    ),
    "evicted": ([pod(reason="Evicted", message="low on memory")], [], [], Reason.EVICTED, "low on memory"),
    "volume is not provisioned, which goes before the scheduler's words": (
        [pod(conditions=UNSCHEDULED)],
        [claim("Pending")],
        [event("weaviate-data-t-weaviate-0", "ProvisioningFailed", NO_CLASS)],
        Reason.VOLUME_UNBOUND,
        NO_CLASS,
    ),
    "volume waits for its pod": (
        [pod(conditions=UNSCHEDULED)],
        [claim("Pending")],
        [event("weaviate-data-t-weaviate-0", "WaitForFirstConsumer", "waiting")],
        Reason.UNSCHEDULABLE,
        NO_NODE,
    ),
    "volume cannot be mounted": (
        [waiting("ContainerCreating")],
        [],
        [event("t-inference-x", "FailedMount", "timed out")],
        Reason.CONTAINER_NOT_STARTED,
        "timed out",
    ),
    "pods are refused": (
        [],
        [],
        [event("t-inference", "FailedCreate", "exceeded quota: small")],
        Reason.PODS_REFUSED,
        "exceeded quota: small",
    ),
    "its node does not answer": (
        [pod(phase="Running", conditions=LOST, containerStatuses=[READY])],
        [],
        [],
        Reason.NODE_NOT_READY,
        "node n1 of pod t-inference-x does not answer",
    ),
    "a pod of a lost node does not go, which nothing else explains": (
        [gone_with_its_node()],
        [],
        [],
        Reason.NODE_NOT_READY,
        "if n1 is gone for good, run: kubectl delete node n1",
    ),
    "a lost node goes before what the pod in its place waits for": (
        [gone_with_its_node(), pod("t-inference-y", conditions=UNSCHEDULED)],
        [],
        [],
        Reason.NODE_NOT_READY,
        "n1",
    ),
    "an init container fails": (
        [pod(initContainerStatuses=[{"name": "prepare", "ready": False, "restartCount": 1, "state": CRASH}])],
        [],
        [],
        Reason.CRASH_LOOPING,
        "container prepare",
    ),
}


@pytest.mark.parametrize(("pods", "claims", "events", "reason", "text"), CASES.values(), ids=CASES)
def test_problem(pods: list[Any], claims: list[Any], events: list[Any], reason: Reason, text: str) -> None:
    problem = diagnose(pods, claims, events, [INFERENCE])
    assert problem is not None
    assert problem.reason is reason
    assert text in problem.message


TRANSIENT = [{"type": "PodScheduled", "status": "False", "reason": "SchedulerError", "message": "PreBind"}]

QUIET: dict[str, tuple[list[Any], list[Any], list[Any]]] = {
    "the scheduler retries by itself": ([pod(conditions=TRANSIENT)], [], []),
    "nothing yet": ([], [], []),
    "starting": ([waiting("ContainerCreating")], [], []),
    "ready after a kill": ([pod(containerStatuses=[READY])], [], []),
    "finished init container": (
        [
            pod(
                initContainerStatuses=[
                    {"name": "a", "ready": False, "state": {"terminated": {"exitCode": 0}}}
                ]
            )
        ],
        [],
        [],
    ),
    "pod that is being deleted": (
        [
            {
                **pod(conditions=UNSCHEDULED),
                "metadata": {"name": "x", "uid": "x", "deletionTimestamp": "2026-01-01"},
            }
        ],
        [],
        [],
    ),
    "a namesake's mount failed before it died": (
        [waiting("ContainerCreating")],
        [],
        [of_a_namesake(event("t-inference-x", "FailedMount", "timed out"))],
    ),
    "a namesake's claim was not provisioned": (
        [],
        [claim("Pending")],
        [of_a_namesake(event("weaviate-data-t-weaviate-0", "ProvisioningFailed", NO_CLASS))],
    ),
    "a namesake could make no pods": (
        [],
        [],
        [of_a_namesake(event("t-inference", "FailedCreate", "exceeded quota: small"))],
    ),
    "ready again after its node was away": (
        [pod(phase="Running", conditions=SERVES, containerStatuses=[READY])],
        [],
        [],
    ),
    "a readiness gate is not met": (
        [
            pod(
                phase="Running",
                conditions=[{"type": "Ready", "status": "False", "reason": "ReadinessGatesNotReady"}],
                containerStatuses=[READY],
            )
        ],
        [],
        [],
    ),
    "old failure of a bound claim": (
        [],
        [claim("Bound")],
        [event("weaviate-data-t-weaviate-0", "ProvisioningFailed", "later it worked")],
    ),
}


@pytest.mark.parametrize(("pods", "claims", "events"), QUIET.values(), ids=QUIET)
def test_no_problem(pods: list[Any], claims: list[Any], events: list[Any]) -> None:
    assert diagnose(pods, claims, events, [INFERENCE]) is None


@pytest.mark.parametrize(
    ("volumes", "message"),
    [([{"emptyDir": {}}], NO_IMAGE_VOLUMES), ([{"image": {}}], "no space left on device")],
    ids=["no image volume", "another message"],
)
def test_the_runtime_is_not_blamed_for_something_else(volumes: list[Any], message: str) -> None:
    item = waiting("CreateContainerError", message) | {"spec": {"volumes": volumes}}
    problem = diagnose([item], [], [], [INFERENCE])
    assert problem is not None
    assert "image volumes (" not in problem.message


OLD, NEW = "6b9f7c5d4", "79c8d6bb8f"


def made_from(template: str, **status: Any) -> dict[str, Any]:
    """Return a pod as a ReplicaSet makes it."""
    item = pod(f"t-inference-{template}-x7k2p", phase="Pending", **status)
    item["metadata"] |= {
        "labels": {
            "app.kubernetes.io/component": "inference",
            "app.kubernetes.io/instance": "t",
            "pod-template-hash": template,
        },
        "ownerReferences": [
            {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": f"t-inference-{template}"}
        ],
    }
    return item


def container(reason: str, message: str, **more: Any) -> list[dict[str, Any]]:
    waits = {"waiting": {"reason": reason, "message": message}}
    return [{"name": "inference", "ready": False, "restartCount": 0, "state": waits, **more}]


NOT_FITTING = made_from(OLD, conditions=UNSCHEDULED)
CRASHING = container("CrashLoopBackOff", "back-off 10s", lastState=CRASH, restartCount=4)


@pytest.mark.parametrize("turned", [False, True])
def test_the_problem_of_the_template_that_is_rolled_out_is_reported(*, turned: bool) -> None:
    pods = [NOT_FITTING, made_from(NEW, containerStatuses=CRASHING)]
    problem = diagnose(pods[::-1] if turned else pods, [], [], [INFERENCE], NEW)
    assert problem is not None
    assert (problem.reason, NEW in problem.message) == (Reason.CRASH_LOOPING, True)


def test_what_is_wrong_with_older_pods_is_past_while_new_ones_start() -> None:
    starting = made_from(NEW, containerStatuses=container("ContainerCreating", ""))
    assert diagnose([NOT_FITTING, starting], [], [], [INFERENCE], NEW) is None


def test_new_pods_that_are_refused_go_before_older_ones() -> None:
    refused = event("t-inference", "FailedCreate", "exceeded quota: small")
    problem = diagnose([NOT_FITTING], [], [refused], [INFERENCE], NEW)
    assert problem is not None
    assert problem.reason is Reason.PODS_REFUSED


@pytest.mark.parametrize("template", [None, NEW, OLD], ids=["unknown", "no pod of it yet", "the only one"])
def test_without_newer_pods_the_problem_of_the_others_is_reported(template: str | None) -> None:
    problem = diagnose([NOT_FITTING], [], [], [INFERENCE], template)
    assert problem is not None
    assert problem.reason is Reason.UNSCHEDULABLE


def test_pods_of_no_template_count_always() -> None:
    weaviate = pod("t-weaviate-0", conditions=UNSCHEDULED)
    starting = made_from(NEW, containerStatuses=container("ContainerCreating", ""))
    problem = diagnose([weaviate, NOT_FITTING, starting], [], [], [INFERENCE], NEW)
    assert problem is not None
    assert "t-weaviate-0" in problem.message


def test_the_newest_event_is_reported() -> None:
    events = [
        event("t-inference", "FailedCreate", "new", "2026-01-02T00:00:00Z"),
        event("t-inference", "FailedCreate", "old", "2026-01-01T00:00:00Z"),
    ]
    problem = diagnose([], [], events, [INFERENCE])
    assert problem is not None
    assert problem.message.endswith("new")


def test_a_long_message_is_cut_and_on_one_line() -> None:
    problem = diagnose([waiting("ErrImagePull", "no\n" * 1000)], [], [], [INFERENCE])
    assert problem is not None
    assert len(problem.message) == MAX_MESSAGE
    assert "\n" not in problem.message


def test_events_are_asked_for_only_where_something_is_missing() -> None:
    well = Workload("t-weaviate", "t", wanted=1, ready=1, is_current=True)
    assert needs_events([pod(containerStatuses=[READY])], [claim("Bound")], [well]) == []
    assert needs_events([waiting("ContainerCreating")], [claim("Pending")], [INFERENCE]) == [
        "uid-of-weaviate-data-t-weaviate-0",
        "uid-of-t-inference-x",
        "uid-of-t-inference",
    ]


def test_a_pod_of_the_gate_is_of_another_deployment_and_not_of_an_older_template() -> None:
    gate = made_from("999", conditions=UNSCHEDULED)
    gate["metadata"]["labels"]["app.kubernetes.io/component"] = "gate"
    new = made_from(NEW, containerStatuses=[READY])
    problem = diagnose([new, gate], [], [], [INFERENCE], NEW)
    assert problem is not None
    assert problem.reason is Reason.UNSCHEDULABLE
