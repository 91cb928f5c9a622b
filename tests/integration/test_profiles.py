"""Hardware profiles on a real control plane: read from files that change, and nodes that come later."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from integration.control_plane import ControlPlane, running_control_plane
from integration.instance import Instance
from integration.operator_process import OperatorProcess
from support.resources import BEFORE_PROFILES, UNSET
from support.waiting import eventually

T4 = {"nvidia.com/gpu.product": "Tesla-T4"}
TAINT = {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
GPU: dict[str, Any] = {
    "device": "CUDA",
    "nodeSelector": T4,
    "tolerations": [TAINT],
    "resources": {"requests": {"cpu": "2", "memory": "6Gi"}, "limits": {"memory": "16Gi"}},
    "precision": "float16",
    "batching": {"maxBatchGflop": 2600},
}
CPU: dict[str, Any] = {"device": "CPU", "resources": {"requests": {"cpu": "1", "memory": "2Gi"}}}


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with running_control_plane(tmp_path_factory.mktemp("plane")) as running:
        yield running


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("profiles")


@pytest.fixture(scope="module")
def operator(
    plane: ControlPlane, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OperatorProcess]:
    write(folder, "cpu", CPU)
    settings = {"PROFILES_DIR": str(folder), "NODE_WAIT_S": "900", "MAX_CHART_UPGRADES": "1"}
    process = OperatorProcess(plane.operator_kubeconfig, tmp_path_factory.mktemp("operator"), settings)
    process.start()
    yield process
    process.stop()
    assert "bug in the reconciler" not in process.log()


def write(folder: Path, name: str, profile: Any) -> None:
    # At once, as the kubelet does.
    fresh = folder / f"{name}.new"
    fresh.write_text(profile if isinstance(profile, str) else yaml.safe_dump(profile), encoding="utf-8")
    fresh.rename(folder / f"{name}.yaml")


def profiled(name: str, **inference: Any) -> dict[str, Any]:
    return {"spec": {"profile": name, "inference": inference}}


def container(instance: Instance) -> Any:
    (found,) = instance.get("deployment", "-inference")["spec"]["template"]["spec"]["containers"]
    return found


def is_ready(instance: Instance) -> bool:
    return instance.condition() == ("True", "InSync")


def clean(plane: ControlPlane, *instances: Instance) -> None:
    for one in instances:
        plane.server.kubectl("delete", "bv", "--all", "-n", one.namespace, "--timeout=60s")


def test_a_profile_that_comes_heals_who_misses_it(
    plane: ControlPlane, operator: OperatorProcess, folder: Path
) -> None:
    instance = plane.instance("missing")
    instance.apply(profiled("late"))
    eventually("missing", lambda: instance.condition() == ("False", "ProfileMissing"))
    assert instance.condition("Stalled") == ("True", "ProfileMissing")
    assert "set spec.profile to one of cpu" in instance.message()

    write(folder, "late", "device: TPU")
    eventually("spoilt", lambda: instance.condition() == ("False", "ProfileInvalid"))
    assert "profile late of the operator cannot be used: device: " in instance.message()

    write(folder, "late", CPU)
    eventually("ready", lambda: is_ready(instance), within_s=40)
    assert instance.condition("Stalled")[0] == "False"
    clean(plane, instance)


def test_the_profile_goes_before_defaults_and_the_resource_before_it(
    plane: ControlPlane, operator: OperatorProcess
) -> None:
    instance = plane.instance("precedence")
    instance.apply(profiled("cpu", resources={"requests": {"cpu": "3"}}))
    eventually("ready", lambda: is_ready(instance), within_s=40)
    assert container(instance)["resources"] == {
        "requests": {"cpu": "3", "memory": "2Gi"},
        "limits": {"memory": "12Gi"},
    }
    status = instance.status()
    assert status["profile"]["overridden"] == ["spec.inference.resources.requests.cpu"]
    assert status["hardware"]["requests"] == {"cpu": "3", "memory": "2Gi"}
    assert "device" not in instance.get()["spec"]
    clean(plane, instance)


def test_a_changed_profile_rolls_out_one_after_another_and_is_told(
    plane: ControlPlane, operator: OperatorProcess, folder: Path
) -> None:
    write(folder, "shared", CPU)
    instances = [plane.instance(f"changed-{name}") for name in "ab"]
    canary, other = instances
    for one in instances:
        labels = {"bindvectorizer.dev/canary": str(one is canary).lower()}
        one.apply(profiled("shared") | {"metadata": {"labels": labels}})
    for one in instances:
        eventually("ready", lambda one=one: is_ready(one), within_s=40)
    before = canary.status()["profile"]["digest"]

    plane.server.kubectl("cordon", "node-0")
    write(folder, "shared", CPU | {"resources": {"requests": {"cpu": "2", "memory": "2Gi"}}})
    eventually("the canary is upgraded", lambda: container(canary)["resources"]["requests"]["cpu"] == "2")
    eventually("the other waits", lambda: other.condition() == ("True", "WaitingForWave"))
    assert container(other)["resources"]["requests"]["cpu"] == "1"

    plane.server.kubectl("uncordon", "node-0")
    for one in instances:
        eventually(
            "rolled out",
            lambda one=one: container(one)["resources"]["requests"]["cpu"] == "2" and is_ready(one),
            within_s=60,
        )
        after = one.status()["profile"]["digest"]
        assert after != before
        told = one.event_messages("ProfileChanged")
        assert told == [f"profile shared has changed, from {before} to {after}"]
        assert one.revisions() == {1: "superseded", 2: "deployed"}
    clean(plane, *instances)


def test_a_resource_that_was_made_before_profiles_is_the_same_and_can_take_one(
    plane: ControlPlane, operator: OperatorProcess, folder: Path
) -> None:
    write(folder, "t4", GPU)
    instance = plane.instance("older")
    instance.apply(BEFORE_PROFILES)
    eventually("ready", lambda: is_ready(instance), within_s=40)
    digest = instance.status()["release"]["digest"]
    instance.kubectl("patch", "bv", "search", "--type=merge", "-p", UNSET)
    eventually("seen", lambda: instance.status()["observedGeneration"] == 2)
    assert instance.status()["release"]["digest"] == digest
    assert instance.revisions() == {1: "deployed"}

    instance.apply(BEFORE_PROFILES | {"spec": BEFORE_PROFILES["spec"] | {"profile": "t4"}})
    eventually("refused", lambda: instance.condition() == ("False", "ProfileUnfit"))
    assert "spec.device is CPU, but profile t4 is for CUDA" in instance.message()
    instance.kubectl("patch", "bv", "search", "--type=merge", "-p", UNSET)
    eventually("its profile's", lambda: instance.status().get("device") == "CUDA", within_s=20)
    clean(plane, instance)


def test_a_node_that_has_still_to_be_made_is_waited_for(
    plane: ControlPlane, operator: OperatorProcess, folder: Path
) -> None:
    write(folder, "t4", GPU)
    instance = plane.instance("node")
    # The deadline of the rollout is over long before.
    instance.apply(profiled("t4", rollout={"progressDeadlineSeconds": 2}))
    eventually("waiting", lambda: instance.condition() == ("Unknown", "WaitingForNode"), within_s=20)
    message = instance.message()
    assert "a node is waited for until" in message
    assert "It asks for 1 nvidia.com/gpu, 2 cpu, 6Gi memory on a node with " in message
    assert "nvidia.com/gpu.product=Tesla-T4" in message

    (pod,) = plane.pods("node")
    said = "pod triggered scale-up: [{gpus 0->1 (max: 4)}]"
    instance.create_event("Pod", pod["metadata"]["name"], "TriggeredScaleUp", said, warning=False)
    eventually("the autoscaler's words", lambda: said in instance.message(), within_s=40)

    def is_late() -> bool:
        conditions = instance.get("deployment", "-inference").get("status", {}).get("conditions", [])
        return any(one.get("reason") == "ProgressDeadlineExceeded" for one in conditions)

    eventually("late", is_late, within_s=20)
    looks = operator.metric("bind_operator_reconciles_total")
    instance.kubectl("annotate", "bv", "search", "look=now")
    # Two, as one may have begun before it was late.
    eventually("looked", lambda: operator.metric("bind_operator_reconciles_total") >= looks + 2, within_s=40)
    assert instance.condition("Stalled")[0] == "False"
    assert instance.condition() == ("Unknown", "WaitingForNode")

    plane.add_node("late-gpu", gpus=1, more_labels=T4)
    eventually("ready", lambda: is_ready(instance), within_s=40)
    (pod,) = plane.pods("node")
    assert pod["spec"]["nodeName"] == "late-gpu"
    clean(plane, instance)
    plane.server.kubectl("delete", "node", "late-gpu")


def test_after_its_time_a_pod_without_a_node_is_a_fault(
    plane: ControlPlane, operator: OperatorProcess, folder: Path
) -> None:
    write(folder, "hasty", GPU | {"nodeWaitSeconds": 3})
    instance = plane.instance("hasty")
    instance.apply(profiled("hasty"))
    eventually("waiting", lambda: instance.condition() == ("Unknown", "WaitingForNode"), within_s=20)
    eventually("a fault", lambda: instance.condition() == ("False", "Unschedulable"), within_s=20)
    clean(plane, instance)


DRIVER = "gpu.example.com"
DEVICE_CLASS = {
    "apiVersion": "resource.k8s.io/v1",
    "kind": "DeviceClass",
    "metadata": {"name": DRIVER},
    "spec": {"selectors": [{"cel": {"expression": f"device.driver == '{DRIVER}'"}}]},
}
SLICE = {
    "apiVersion": "resource.k8s.io/v1",
    "kind": "ResourceSlice",
    "metadata": {"name": "node-0-gpus"},
    "spec": {
        "driver": DRIVER,
        "nodeName": "node-0",
        "pool": {"name": "node-0", "generation": 1, "resourceSliceCount": 1},
        "devices": [{"name": "gpu-0"}],
    },
}
TEMPLATE = {
    "apiVersion": "resource.k8s.io/v1",
    "kind": "ResourceClaimTemplate",
    "metadata": {"name": "one-gpu"},
    "spec": {
        "spec": {"devices": {"requests": [{"name": "card", "exactly": {"deviceClassName": DRIVER}}]}},
    },
}


def test_devices_are_claimed_in_place_of_a_count(
    plane: ControlPlane, operator: OperatorProcess, folder: Path
) -> None:
    claims = [{"name": "gpu", "resourceClaimTemplateName": "one-gpu"}]
    write(folder, "claimed", {"device": "CUDA", "gpu": {"resourceClaims": claims}})
    instance = plane.instance("claims")
    instance.apply(profiled("claimed"))
    words = '"one-gpu" not found'
    eventually("the template is missing", lambda: words in instance.message(), within_s=30)
    assert instance.condition() == ("False", "Unschedulable")

    instance.kubectl("create", "-f", "-", manifest=TEMPLATE)
    plane.server.kubectl("create", "-f", "-", manifest=DEVICE_CLASS)
    eventually("no device", lambda: instance.condition() == ("Unknown", "WaitingForNode"), within_s=60)
    assert "device claim gpu" in instance.message()

    plane.server.kubectl("create", "-f", "-", manifest=SLICE)
    eventually("ready", lambda: is_ready(instance), within_s=60)
    (pod,) = plane.pods("claims")
    assert pod["spec"]["resourceClaims"] == claims
    (used,) = pod["spec"]["containers"]
    assert used["resources"]["claims"] == [{"name": "gpu"}]
    assert "nvidia.com/gpu" not in used["resources"]["limits"]
    (claim,) = plane.server.get("resourceclaims", namespace="claims")
    (allocated,) = claim["status"]["allocation"]["devices"]["results"]
    assert (allocated["driver"], allocated["device"]) == (DRIVER, "gpu-0")
    clean(plane, instance)
