"""A pod without a node waits for one, as long as an autoscaler may take."""

from typing import Any

import pytest

from bind_operator.policy.diagnosis import diagnose, needs_events
from bind_operator.policy.facts import Problem, Workload
from bind_operator.policy.node_wait import rest_of_wait_s, with_patience
from bind_operator.reasons import Reason

SINCE = "2026-01-01T12:00:00Z"
SINCE_S = 1767268800.0
INFERENCE = Workload("t-inference", "t", wanted=1, ready=0, is_current=True, uid="uid-of-t-inference")
NO_GPU = "0/3 nodes are available: 3 Insufficient nvidia.com/gpu."
NO_PREEMPTION = f"{NO_GPU} preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling."


def pod(message: str = NO_PREEMPTION, **spec: Any) -> dict[str, Any]:
    containers = [
        {
            "name": "inference",
            "resources": {
                "requests": {"cpu": "2", "memory": "6Gi"},
                "limits": {"memory": "16Gi", "nvidia.com/gpu": "1"},
            },
        }
    ]
    condition = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": message,
        "lastTransitionTime": SINCE,
    }
    metadata = {"name": "t-inference-x", "uid": "uid-of-x"}
    return {
        "metadata": metadata,
        "spec": {"containers": containers, **spec},
        "status": {"conditions": [condition]},
    }


def event(reason: str, message: str, component: str, when: str = SINCE) -> dict[str, Any]:
    return {
        "involvedObject": {"uid": "uid-of-x"},
        "reason": reason,
        "message": message,
        "source": {"component": component},
        "lastTimestamp": when,
    }


def problem(*events: dict[str, Any], item: dict[str, Any] | None = None) -> Problem:
    found = diagnose([item or pod()], [], list(events), [INFERENCE])
    assert found is not None
    return found


def test_the_message_says_what_is_lacking_and_what_the_pod_asks_for() -> None:
    item = pod(nodeSelector={"nvidia.com/gpu.product": "Tesla-T4"}, runtimeClassName="nvidia")
    assert problem(item=item).message == (
        "pod t-inference-x cannot be scheduled: 0/3 nodes are available: 3 Insufficient nvidia.com/gpu. It "
        "asks for 1 nvidia.com/gpu, 2 cpu, 6Gi memory on a node with nvidia.com/gpu.product=Tesla-T4, "
        "runtime class nvidia."
    )


def test_device_claims_are_asked_for_too() -> None:
    item = pod(resourceClaims=[{"name": "gpu", "resourceClaimName": "mine"}])
    assert "device claim gpu." in problem(item=item).message


@pytest.mark.parametrize(
    "said",
    [
        event("TriggeredScaleUp", "pod triggered scale-up: [{gpus 0->1 (max: 4)}]", "cluster-autoscaler"),
        event("NotTriggerScaleUp", "pod didn't trigger scale-up: 1 max limit", "cluster-autoscaler"),
        event("Nominated", "Pod should schedule on: nodeclaim/gpus-x", "karpenter"),
        event("FailedScheduling", "incompatible with nodepool gpus", "karpenter"),
    ],
    ids=lambda said: said["reason"],
)
def test_an_autoscalers_words_are_in_the_message(said: dict[str, Any]) -> None:
    assert f"{said['source']['component']}: {said['reason']}: {said['message']}" in problem(said).message


def test_the_latest_word_counts_and_the_schedulers_event_is_no_autoscalers() -> None:
    message = problem(
        event("FailedScheduling", NO_GPU, "default-scheduler", "2026-01-01T12:00:09Z"),
        event("NotTriggerScaleUp", "no", "cluster-autoscaler", "2026-01-01T12:00:01Z"),
        event("TriggeredScaleUp", "yes", "cluster-autoscaler", "2026-01-01T12:00:05Z"),
    ).message
    assert message.endswith("cluster-autoscaler: TriggeredScaleUp: yes.")
    assert message.count("Insufficient") == 1


def test_the_events_of_a_pod_without_a_node_are_asked_for() -> None:
    assert "uid-of-x" in needs_events([pod()], [], [])


def test_it_waits_as_long_as_it_may() -> None:
    found = problem()
    waiting = with_patience(found, now=SINCE_S + 899, wait_s=900)
    assert waiting is not None
    assert waiting.reason is Reason.WAITING_FOR_NODE
    assert waiting.message == f"a node is waited for until 12:15:00Z: {found.message}"
    assert with_patience(found, now=SINCE_S + 900, wait_s=900) == found
    assert with_patience(found, now=SINCE_S, wait_s=0) == found
    assert rest_of_wait_s(waiting, now=SINCE_S + 890, wait_s=900) == 10
    assert rest_of_wait_s(found, now=SINCE_S, wait_s=900) is None


@pytest.mark.parametrize(
    ("message", "waits"),
    [
        (NO_GPU, True),
        ("0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector.", True),
        ("0/2 nodes are available: 2 node(s) had untolerated taint(s).", True),
        ("0/2 nodes are available: 2 cannot allocate all claims.", True),
        ("no nodes available to schedule pods", True),
        ('0/2 nodes are available: persistentvolumeclaim "weights" not found.', False),
        ("0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims.", False),
        ('resourceclaim "mine" not found', False),
        ("waiting for something else", False),
    ],
)
def test_only_what_another_node_would_end_is_waited_for(message: str, waits: bool) -> None:
    found = with_patience(problem(item=pod(message)), now=SINCE_S, wait_s=900)
    assert found is not None
    assert (found.reason is Reason.WAITING_FOR_NODE) is waits


def test_a_pod_whose_claims_cannot_be_made_is_told_though_no_scheduler_looks_at_it() -> None:
    # As the controller of claims says it, Kubernetes 1.35; the pod's status is its phase and no more.
    words = 'resource claim template "one": resourceclaimtemplate.resource.k8s.io "one" not found'
    item = pod(resourceClaims=[{"name": "gpu", "resourceClaimTemplateName": "one"}])
    item["status"] = {"phase": "Pending"}
    assert needs_events([item], [], []) == ["uid-of-x"]
    assert diagnose([item], [], [], [INFERENCE]) is None
    found = problem(event("FailedResourceClaimCreation", words, "resource_claim"), item=item)
    assert (found.reason, found.lacks_node_since) == (Reason.UNSCHEDULABLE, None)
    assert found.message.startswith(f"pod t-inference-x cannot be scheduled: {words}. It asks for ")
    assert "device claim gpu." in found.message


def test_other_problems_are_left_as_they_are() -> None:
    other = Problem(Reason.OUT_OF_MEMORY, "killed")
    assert with_patience(other, now=0, wait_s=900) is other
    assert with_patience(None, now=0, wait_s=900) is None
