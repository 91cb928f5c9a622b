"""A change of the inference pods goes through without a second GPU, and with a disk of one node."""

from collections.abc import Iterator
from typing import Any

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
