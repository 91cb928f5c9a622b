"""A change of the inference pods goes through without a second GPU, and with a disk of one node."""

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from bind_operator.policy.objects import read_workload
from integration.control_plane import ControlPlane, running_control_plane
from integration.instance import Instance
from integration.operator_process import OperatorProcess
from support.resources import Manifest, merged
from support.waiting import eventually

HUGE = {"name": "ImageBindHuge", "licenseAccepted": True}
APART = {
    "podAntiAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": [
            {
                "topologyKey": "kubernetes.io/hostname",
                "labelSelector": {"matchLabels": {"app.kubernetes.io/component": "inference"}},
            }
        ]
    }
}


def spec(inference: Manifest, **more: Any) -> Manifest:
    return {"spec": {"inference": inference, **more}}


STORIES: dict[str, Manifest] = {
    "one-gpu": spec({}, device="CUDA"),
    "one-disk": spec({"model": HUGE}),
    "two-pods": spec({"model": HUGE, "replicas": 2}),
    "apart": spec({"replicas": 2, "affinity": APART}),
}
"""What cannot have one pod more, by what it lacks."""


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    folder = tmp_path_factory.mktemp("plane")
    with running_control_plane(folder, nodes=1, gpus=1, one_node_volumes=True) as running:
        running.add_node("without-gpu")
        yield running


@pytest.fixture(scope="module")
def operator(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OperatorProcess]:
    process = OperatorProcess(plane.operator_kubeconfig, tmp_path_factory.mktemp("operator"))
    process.start()
    yield process
    process.stop()


def is_rolled_out(instance: Instance, tag: str) -> bool:
    deployment = instance.get("deployment", "-inference") or {"spec": {}}
    if not deployment["spec"]:
        return False
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return container["image"].endswith(f":{tag}") and read_workload(deployment).is_rolled_out


@pytest.mark.parametrize("story", sorted(STORIES))
def test_another_image_rolls_out(plane: ControlPlane, operator: OperatorProcess, story: str) -> None:
    instance = plane.instance(story)
    for tag in ("1", "2"):
        instance.apply(merged(STORIES[story], spec({"image": {"tag": tag}})))
        eventually(f"image {tag} is rolled out", lambda tag=tag: is_rolled_out(instance, tag), within_s=30)
    plane.server.kubectl("delete", "bv", "--all", "-n", story, "--timeout=60s")


STUCK = {"image": {"tag": "2"}, "rollout": {"strategy": "Surge", "progressDeadlineSeconds": 5}}
WORKS = {"image": {"tag": "1"}, "rollout": {"strategy": "Surge", "progressDeadlineSeconds": 5}}


def events(instance: Instance, reason: str) -> int:
    return instance.event_reasons().count(reason)


def is_ready(instance: Instance) -> bool:
    return instance.condition() == ("True", "InSync")


def working(plane: ControlPlane, namespace: str, **more: Any) -> Instance:
    """Return a resource that is ready with the image that can be had."""
    instance = plane.instance(namespace)
    instance.apply(spec(WORKS, device="CUDA", **more))
    eventually("ready", lambda: is_ready(instance), within_s=40)
    return instance


def test_a_rollout_that_stands_still_is_rolled_back_once(
    plane: ControlPlane, operator: OperatorProcess
) -> None:
    instance = working(plane, "stuck")
    assert instance.status()["lastVerified"]["revision"] == 1

    instance.apply(spec(STUCK, device="CUDA"))
    eventually("rolled back", lambda: instance.condition() == ("False", "RolledBack"), within_s=40)
    assert instance.condition("Stalled") == ("True", "RolledBack")
    assert "Insufficient nvidia.com/gpu" in instance.message()
    assert is_rolled_out(instance, "1")
    assert instance.revisions() == {1: "superseded", 2: "superseded", 3: "deployed"}
    told = [reason for reason in instance.event_reasons() if reason in ("RolloutStalled", "RolledBack")]
    assert told[:2] == ["RolloutStalled", "RolledBack"]

    operator.kill()
    operator.start()
    look(plane, operator, instance)
    assert instance.condition() == ("False", "RolledBack")
    assert instance.revisions() == {1: "superseded", 2: "superseded", 3: "deployed"}

    another = {"rollout": {"strategy": "OneDown", "progressDeadlineSeconds": 5}}
    instance.apply(spec(STUCK | another, device="CUDA"))
    eventually("ready", lambda: is_ready(instance) and is_rolled_out(instance, "2"), within_s=40)
    assert instance.condition("Stalled")[0] == "False"
    plane.server.kubectl("delete", "bv", "--all", "-n", "stuck", "--timeout=60s")


def test_what_was_rolled_back_is_kept_whole_and_tried_again_when_asked(
    plane: ControlPlane, operator: OperatorProcess
) -> None:
    instance = working(plane, "asked")
    instance.apply(spec(STUCK, device="CUDA"))
    eventually("rolled back", lambda: instance.condition() == ("False", "RolledBack"), within_s=40)
    assert instance.condition("Drifted") == ("False", "NoDriftDetected")

    instance.kubectl("delete", "service", "search-weaviate")
    instance.kubectl("scale", "deployment", "search-inference", "--replicas=0")
    eventually("the Service is back", lambda: instance.get("service", "-weaviate"), within_s=20)
    eventually("scaled back", lambda: replicas(instance) == 1, within_s=20)
    eventually("it runs", lambda: is_rolled_out(instance, "1"))
    assert instance.condition() == ("False", "RolledBack")
    assert instance.revisions() == {1: "superseded", 2: "superseded", 3: "deployed"}

    ask(instance, "1")
    back = {3: "superseded", 4: "superseded", 5: "deployed"}
    eventually("tried and rolled back", lambda: back.items() <= instance.revisions().items(), within_s=40)
    eventually("told", lambda: instance.condition() == ("False", "RolledBack"))
    words = "revision 5 goes back from revision 4"
    eventually("told again", lambda: words in "\n".join(instance.event_messages("RolledBack")))
    look(plane, operator, instance)
    assert max(instance.revisions()) == 5

    plane.add_node("another", gpus=1)
    ask(instance, "2")
    eventually("ready", lambda: is_ready(instance) and is_rolled_out(instance, "2"), within_s=40)
    assert instance.condition("Stalled")[0] == "False"
    look(plane, operator, instance)
    assert max(instance.revisions()) == 6
    plane.server.kubectl("delete", "node", "another")
    plane.server.kubectl("delete", "bv", "--all", "-n", "asked", "--timeout=60s")


def replicas(instance: Instance) -> int:
    return int(instance.get("deployment", "-inference")["spec"]["replicas"])


def ask(instance: Instance, value: str) -> None:
    """Ask for an attempt at once."""
    instance.kubectl("annotate", "--overwrite", "bv", "search", f"bindvectorizer.dev/reconcile={value}")


@pytest.mark.long
@pytest.mark.parametrize("delay_s", [0.0, 0.3])
def test_an_operator_killed_in_a_rollback_finishes_it(
    plane: ControlPlane, operator: OperatorProcess, delay_s: float
) -> None:
    instance = working(plane, f"killed-{delay_s:g}".replace(".", "-"))
    instance.apply(spec(STUCK, device="CUDA"))
    eventually("decided", lambda: "remediation" in instance.status(), within_s=40)
    time.sleep(delay_s)
    operator.kill()
    operator.start()
    eventually("rolled back", lambda: instance.condition() == ("False", "RolledBack"), within_s=40)
    eventually("it runs", lambda: is_rolled_out(instance, "1"))
    assert "deployed" in instance.revisions().values()
    assert not [status for status in instance.revisions().values() if status.startswith("pending")]
    plane.server.kubectl("delete", "bv", "--all", "-n", instance.namespace, "--timeout=60s")


def look(plane: ControlPlane, operator: OperatorProcess, instance: Instance) -> None:
    """Have a new operator look at the resource several times."""
    for number in range(4):

        def looks() -> float:
            with contextlib.suppress(httpx.HTTPError):
                return operator.metric("bind_operator_reconciles_total")
            return 0.0

        before = looks()
        where = ("bv", "search", "-n", instance.namespace)
        plane.server.kubectl("annotate", "--overwrite", *where, f"look={number}")
        eventually("a look", lambda before=before: looks() > before)


@pytest.mark.long
def test_it_stays_where_the_resource_says_so(plane: ControlPlane, operator: OperatorProcess) -> None:
    never = {"remediation": {"rollback": "Never"}}
    instance = working(plane, "stays", **never)
    instance.apply(spec(STUCK, device="CUDA", **never))
    eventually("stalled", lambda: instance.condition("Stalled") == ("True", "RolloutStalled"), within_s=40)
    assert "Insufficient nvidia.com/gpu" in instance.message()
    assert instance.revisions() == {1: "superseded", 2: "deployed"}
    plane.add_node("another", gpus=1)
    eventually("a node comes", lambda: is_ready(instance) and is_rolled_out(instance, "2"), within_s=40)
    assert instance.condition("Stalled")[0] == "False"
    plane.server.kubectl("delete", "node", "another")
    plane.server.kubectl("delete", "bv", "--all", "-n", "stays", "--timeout=60s")


@pytest.mark.long
def test_the_strategy_can_be_changed(plane: ControlPlane, operator: OperatorProcess) -> None:
    instance = plane.instance("strategies")
    for strategy, written in (
        ("Surge", ("RollingUpdate", {"maxUnavailable": 0, "maxSurge": 1})),
        ("Recreate", ("Recreate", None)),
        ("OneDown", ("RollingUpdate", {"maxUnavailable": 1, "maxSurge": 0})),
    ):
        instance.apply(spec({"rollout": {"strategy": strategy}}))

        def found() -> tuple[str, Any]:
            deployment = instance.get("deployment", "-inference") or {"spec": {"strategy": {"type": ""}}}
            return deployment["spec"]["strategy"]["type"], deployment["spec"]["strategy"].get("rollingUpdate")

        eventually(strategy, lambda written=written: found() == written, within_s=40)
    plane.server.kubectl("delete", "bv", "--all", "-n", "strategies", "--timeout=60s")
