"""From a resource to its release with the real Helm, and what the status says on the way."""

import contextlib
import time
from collections.abc import Iterator
from http import HTTPStatus

import httpx
import pytest

from integration.apiserver import ApiServer
from integration.conftest import OPERATOR_USER
from integration.instance import Instance, answering, answering_checks
from integration.operator_process import OperatorProcess
from support.waiting import eventually

POD_IP = "127.96.0.1"
WORKLOADS = (("statefulset", "-weaviate"), ("deployment", "-inference"))
UNSCHEDULED_POD = {
    "phase": "Pending",
    "conditions": [
        {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": "0/1 nodes are available: 1 Insufficient nvidia.com/gpu.",
        }
    ],
}


def installed(instance: Instance) -> None:
    instance.apply()
    eventually("released", lambda: instance.condition("Released") == ("True", "Deployed"))


def test_apply_makes_the_release_soon(operator: OperatorProcess, instance: Instance) -> None:
    instance.apply()
    took = eventually("both workloads", lambda: all(instance.get(*workload) for workload in WORKLOADS))
    eventually("status", lambda: instance.condition() == ("Unknown", "WeaviateNotReady"))
    status = instance.status()
    assert instance.revisions() == {1: "deployed"}
    assert status["release"]["revision"] == 1
    assert status["replicas"] == "0/1"
    assert instance.event_reasons() == ["KeysMade", "Installed", "WeaviateNotReady"]
    assert took < 10


def test_ready_follows_the_pods_within_seconds(operator: OperatorProcess, instance: Instance) -> None:
    installed(instance)
    with answering_checks(instance):
        instance.roll_out()
        took = eventually("ready", lambda: instance.condition() == ("True", "InSync"))
    assert took < 2.0
    assert instance.condition("Verified") == ("True", "Verified")
    assert instance.condition("Reconciling")[0] == "False"
    assert instance.status()["replicas"] == "1/1"
    assert instance.event_reasons()[-1] == "InSync"


def test_a_wrong_model_is_not_ready(operator: OperatorProcess, instance: Instance) -> None:
    installed(instance)
    with answering_checks(instance) as live:
        live.entry |= {"model": "ImageBindHuge", "dimension": 1024}
        instance.roll_out()
        eventually("verdict", lambda: instance.condition() == ("False", "VerificationFailed"))
        assert "ImageBindHuge" in instance.message()


def test_a_look_without_change_writes_nothing(
    apiserver: ApiServer, operator: OperatorProcess, instance: Instance
) -> None:
    installed(instance)
    eventually("settled", lambda: instance.condition() == ("Unknown", "WeaviateNotReady"))
    time.sleep(1.5)
    lines = apiserver.audit_lines()
    for number in range(3):
        looks = operator.metric("bind_operator_reconciles_total")
        apiserver.kubectl(
            "annotate", "--overwrite", "bv", instance.name, f"look={number}", "-n", instance.namespace
        )
        eventually("a look", lambda looks=looks: operator.metric("bind_operator_reconciles_total") > looks)
    assert apiserver.writes(OPERATOR_USER, instance.namespace, since=lines) == []


def test_a_change_rolls_out(operator: OperatorProcess, instance: Instance) -> None:
    installed(instance)
    instance.apply({"spec": {"inference": {"replicas": 3}}})
    eventually("upgraded", lambda: instance.get("deployment", "-inference")["spec"]["replicas"] == 3)
    eventually("reported", lambda: instance.status().get("release", {}).get("revision") == 2)
    assert instance.revisions() == {1: "superseded", 2: "deployed"}
    assert instance.status()["observedGeneration"] == 2
    assert "Upgraded" in instance.event_reasons()
    history = instance.status()["history"]
    assert [(one["revision"], one["generation"], one["cause"]) for one in history] == [
        (2, 2, "SpecChanged"),
        (1, 1, "Installed"),
    ]


def test_suspend_stops_and_resumes(operator: OperatorProcess, instance: Instance) -> None:
    installed(instance)
    instance.apply({"spec": {"suspend": True, "inference": {"replicas": 2}}})
    eventually("suspended", lambda: instance.condition() == ("Unknown", "Suspended"))
    time.sleep(2)
    assert instance.get("deployment", "-inference")["spec"]["replicas"] == 1
    assert instance.condition("Reconciling") == ("False", "Suspended")
    instance.apply({"spec": {"suspend": False, "inference": {"replicas": 2}}})
    eventually("resumed", lambda: instance.get("deployment", "-inference")["spec"]["replicas"] == 2)


def test_a_workload_deleted_by_hand_comes_back(operator: OperatorProcess, instance: Instance) -> None:
    installed(instance)
    instance.server.kubectl("delete", "deployment", f"{instance.name}-inference", "-n", instance.namespace)
    eventually("back", lambda: instance.get("deployment", "-inference"))
    assert instance.revisions() == {1: "deployed"}


def test_a_hand_edit_does_not_block_an_upgrade(operator: OperatorProcess, instance: Instance) -> None:
    installed(instance)
    name = f"{instance.name}-inference"
    instance.server.kubectl("scale", "deployment", name, "-n", instance.namespace, "--replicas=5")
    instance.apply({"spec": {"inference": {"replicas": 2}}})
    eventually("upgraded", lambda: instance.get("deployment", "-inference")["spec"]["replicas"] == 2)


def test_the_schedulers_words_are_in_ready(operator: OperatorProcess, instance: Instance) -> None:
    installed(instance)
    instance.create_pod("inference", UNSCHEDULED_POD)
    took = eventually("reported", lambda: instance.condition() == ("False", "Unschedulable"))
    assert "1 Insufficient nvidia.com/gpu." in instance.message()
    assert took < 5
    assert instance.event_reasons()[-1] == "Unschedulable"


def test_the_problem_of_the_newest_replica_set_counts(operator: OperatorProcess, instance: Instance) -> None:
    installed(instance)
    instance.create_replica_set("6b9f7c5d4", 2)  # it was the first, and is taken again
    instance.create_replica_set("79c8d6bb8f", 1)
    instance.create_pod("inference", UNSCHEDULED_POD, "79c8d6bb8f")
    eventually("reported", lambda: instance.condition() == ("False", "Unschedulable"))
    waiting = {"reason": "ImagePullBackOff", "message": "not found"}
    status = {"name": "inference", "ready": False, "restartCount": 0, "image": "x", "imageID": ""}
    instance.create_pod(
        "inference", {"containerStatuses": [status | {"state": {"waiting": waiting}}]}, "6b9f7c5d4"
    )
    eventually("reported", lambda: instance.condition() == ("False", "ImagePullFailed"))
    assert "6b9f7c5d4" in instance.message()


@contextlib.contextmanager
def meta_of_the_pod(body: object) -> Iterator[None]:
    """Answer as the inference server of a pod that is not ready yet."""
    with answering(POD_IP, 8080, [], {"/meta": lambda: (HTTPStatus.OK, body)}):
        yield


def downloading(percent: int) -> dict[str, object]:
    progress = {"done_bytes": percent * 45_000_000, "total_bytes": 4_500_000_000, "seconds_left": 171.3}
    return {"model": "ImageBindHuge", "dimension": 1024, "state": "Downloading", "progress": progress}


def test_a_download_is_told_with_percent_and_time_left(
    apiserver: ApiServer, operator: OperatorProcess, instance: Instance
) -> None:
    installed(instance)
    instance.roll_out("statefulset")
    container = {"name": "inference", "ready": False, "restartCount": 0, "image": "x", "imageID": ""}
    running = container | {"state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}
    pod = {"phase": "Running", "podIP": POD_IP, "podIPs": [{"ip": POD_IP}], "containerStatuses": [running]}
    with meta_of_the_pod(downloading(42)):
        instance.create_pod("inference", pod)
        eventually("told", lambda: instance.condition() == ("Unknown", "DownloadingWeights"))
        assert instance.message().endswith("40 % (1.8 of 4.5 GB), about 3 min left")
    lines = apiserver.audit_lines()
    with meta_of_the_pod(downloading(44)):
        time.sleep(3)
    writes = apiserver.writes(OPERATOR_USER, instance.namespace, since=lines)
    assert len([write for write in writes if "bindvectorizers" in write]) <= 2, writes
    with meta_of_the_pod(downloading(86)):
        eventually("goes on", lambda: " 85 % " in instance.message())
    eventually("no answer", lambda: instance.condition() == ("Unknown", "RollingOut"))


STARTING_POD = {
    "containerStatuses": [
        {
            "name": "weaviate",
            "ready": False,
            "restartCount": 0,
            "image": "x",
            "imageID": "",
            "state": {"waiting": {"reason": "ContainerCreating"}},
        }
    ]
}


def test_a_new_pod_is_not_given_the_reasons_of_its_dead_namesake(
    operator: OperatorProcess, instance: Instance
) -> None:
    """The pods of a StatefulSet have the names of those before them, whose events stay for an hour."""
    installed(instance)
    name = instance.create_pod("weaviate", STARTING_POD)
    instance.create_event("Pod", name, "FailedMount", "the volume of the first one")
    eventually("told", lambda: instance.condition() == ("False", "ContainerNotStarted"))
    instance.remove_pod("weaviate")
    instance.create_pod("weaviate", STARTING_POD)
    eventually("its own", lambda: instance.condition() == ("Unknown", "WeaviateNotReady"))
    instance.create_event("Pod", name, "FailedMount", "the volume of the second one")
    eventually("told", lambda: "second one" in instance.message())


def test_two_namespaces_may_use_one_name(
    apiserver: ApiServer, operator: OperatorProcess, instance: Instance
) -> None:
    other = Instance(apiserver, instance.name, f"{instance.namespace}-other")
    apiserver.kubectl("create", "namespace", other.namespace)
    installed(instance)
    installed(other)
    other.delete(wait_s=30)
    assert instance.revisions() == {1: "deployed"}


@pytest.mark.parametrize("signal", ["stop", "kill"])
def test_a_new_operator_takes_over_without_a_write(
    apiserver: ApiServer, operator: OperatorProcess, instance: Instance, signal: str
) -> None:
    installed(instance)
    time.sleep(1.5)
    getattr(operator, signal)()
    lines = apiserver.audit_lines()
    operator.start()
    eventually("looks", lambda: _looks(operator) >= 3)
    assert apiserver.writes(OPERATOR_USER, instance.namespace, since=lines) == []
    instance.apply({"spec": {"inference": {"replicas": 2}}})
    eventually("upgraded", lambda: instance.get("deployment", "-inference")["spec"]["replicas"] == 2)


def _looks(operator: OperatorProcess) -> float:
    try:
        return operator.metric("bind_operator_reconciles_total")
    except httpx.TransportError:  # it does not listen yet
        return 0.0
