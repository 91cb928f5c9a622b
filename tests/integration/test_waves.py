"""A new operator upgrades the releases one after another, canaries first."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.control_plane import ControlPlane, running_control_plane
from integration.instance import Instance
from integration.operator_process import CHART, OperatorProcess
from support.waiting import eventually


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with running_control_plane(tmp_path_factory.mktemp("plane")) as running:
        yield running


def newer_chart(folder: Path) -> Path:
    """Return a copy of the chart whose pods are others."""
    chart = Path(shutil.copytree(CHART, folder / "weaviate-bind"))
    file = chart / "templates/inference/deployment.yaml"
    text = file.read_text(encoding="utf-8")
    assert "      containers:\n" in text
    file.write_text(
        text.replace("      containers:\n", "      hostname: newer\n      containers:\n"), encoding="utf-8"
    )
    return chart


def is_newer(instance: Instance) -> bool:
    return "hostname" in instance.get("deployment", "-inference")["spec"]["template"]["spec"]


def is_ready(instance: Instance) -> bool:
    return instance.condition() == ("True", "InSync")


def test_the_canary_goes_first_and_the_others_one_by_one(plane: ControlPlane, tmp_path: Path) -> None:
    operator = OperatorProcess(plane.operator_kubeconfig, tmp_path)
    operator.start()
    try:
        instances = [plane.instance(f"wave-{name}") for name in "abcd"]
        canary, changed, *others = instances
        for one in instances:
            one.apply({"metadata": {"labels": {"bindvectorizer.dev/canary": str(one is canary).lower()}}})
        for one in instances:
            eventually("ready", lambda one=one: is_ready(one), within_s=60)
        operator.stop()
        operator.more = {"CHART_DIR": str(newer_chart(tmp_path))}
        plane.server.kubectl("cordon", "node-0")
        operator.start()
        eventually("the canary is upgraded", lambda: is_newer(canary), within_s=40)
        for one in others:
            eventually("held", lambda one=one: one.condition() == ("True", "WaitingForWave"))
            assert "wave-a/search, which is a canary" in one.message()

        changed.apply({"spec": {"inference": {"replicas": 2}}})
        eventually("a change of the spec does not wait", lambda: is_newer(changed), within_s=10)
        eventually("its Helm has ended", lambda: changed.revisions() == {1: "superseded", 2: "deployed"})

        operator.kill()
        operator.start()
        eventually("the canary is still waited for", lambda: "canary" in others[0].message())
        assert not any(is_newer(one) for one in others)

        plane.server.kubectl("uncordon", "node-0")
        for one in instances:
            eventually("ready", lambda one=one: is_newer(one) and is_ready(one), within_s=60)
        revisions = [one.revisions() for one in instances]
        assert all(found == {1: "superseded", 2: "deployed"} for found in revisions), revisions
    finally:
        operator.stop()
