"""The harness itself: pods come, become ready, are scheduled by their GPUs, and the resource follows."""

import json

import pytest

from bind_operator.policy.memory import MEMORY_ANNOTATION
from integration.control_plane import ControlPlane, running_control_plane
from integration.installation import OPERATOR_USER
from integration.operator_process import OperatorProcess
from support.waiting import comes_to_rest, eventually


@pytest.fixture(scope="module")
def plane(tmp_path_factory):
    with running_control_plane(tmp_path_factory.mktemp("plane"), nodes=2, gpus=1) as running:
        yield running


@pytest.fixture(scope="module")
def operator(plane: ControlPlane, tmp_path_factory):
    process = OperatorProcess(plane.operator_kubeconfig, tmp_path_factory.mktemp("operator"))
    process.start()
    yield process
    process.stop()


def test_a_resource_becomes_ready_and_a_dead_pod_comes_back(
    plane: ControlPlane, operator: OperatorProcess
) -> None:
    instance = plane.instance("whole")
    instance.apply()
    eventually("ready", lambda: instance.condition() == ("True", "InSync"), within_s=40)
    (pod,) = plane.pods("whole")
    plane.server.kubectl(
        "delete", "pod", pod["metadata"]["name"], "-n", "whole", "--grace-period=0", "--force"
    )
    eventually(
        "another pod",
        lambda: [p["metadata"]["uid"] for p in plane.pods("whole")] not in ([], [pod["metadata"]["uid"]]),
    )
    eventually("ready", lambda: instance.condition() == ("True", "InSync"), within_s=40)


def test_the_look_that_makes_it_ready_leaves_nothing_to_write(
    plane: ControlPlane, operator: OperatorProcess
) -> None:
    instance = plane.instance("marked")
    begun = plane.server.audit_lines()
    instance.apply()
    eventually("ready", lambda: instance.condition() == ("True", "InSync"), within_s=40)

    def writes() -> list[str]:
        return plane.server.writes(OPERATOR_USER, "marked", since=begun)

    assert comes_to_rest(writes, 3.0, 40.0)
    assert writes()[-1] == "patch bindvectorizers/search"
    (claim,) = plane.server.get("pvc", namespace="marked")
    known = json.loads(claim["metadata"]["annotations"][MEMORY_ANNOTATION])
    assert known == {name: instance.status()[name] for name in ("weaviate", "vectorSpace")}


def test_the_scheduler_counts_gpus(plane: ControlPlane, operator: OperatorProcess) -> None:
    instance = plane.instance("gpus")
    instance.apply({"spec": {"device": "CUDA", "inference": {"replicas": 3}}})
    eventually("two of three", lambda: instance.status().get("replicas") == "2/3", within_s=40)
    # The third pod may just have been made, and the scheduler has not looked at it for a moment.
    eventually("told", lambda: instance.condition() == ("False", "Unschedulable"), within_s=20)
    assert "Insufficient nvidia.com/gpu" in instance.message()
