"""No budget of ours blocks the drain of a node: the real API server is asked to evict each pod."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from integration.apiserver import ApiServer
from integration.control_plane import ControlPlane, running_control_plane
from support.charts import CHARTS, RELEASE, helm
from support.waiting import eventually

SETTINGS = (
    "--set",
    "modules.multi2vec-bind.model.name=Tiny",
    "--set",
    "modules.multi2vec-bind.cache.persistence=false",
)


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with running_control_plane(tmp_path_factory.mktemp("plane")) as plane:
        yield plane


def install(server: ApiServer, namespace: str, *arguments: str) -> None:
    server.kubectl("create", "namespace", namespace)
    done = helm(
        "template", RELEASE, CHARTS / "weaviate-bind", "--no-hooks", "-n", namespace, *SETTINGS, *arguments
    )
    assert done.returncode == 0, done.stderr
    manifest = server.kubeconfig.parent / f"{namespace}.yaml"
    manifest.write_text(done.stdout)
    server.kubectl("apply", "-n", namespace, "-f", str(manifest))


def pods(plane: ControlPlane, namespace: str) -> list[Any]:
    return [*plane.pods(namespace, "weaviate"), *plane.pods(namespace, "inference")]


def is_ready(pod: Any) -> bool:
    conditions = pod.get("status", {}).get("conditions", [])
    return any((one["type"], one["status"]) == ("Ready", "True") for one in conditions)


def evict(server: ApiServer, namespace: str, pod: str) -> str:
    """Ask for the eviction as `kubectl drain` does, and return what is said against it."""
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": namespace}}
    path = f"/api/v1/namespaces/{namespace}/pods/{pod}/eviction"
    said = server.kubectl("create", "--raw", path, "-f", "-", text=json.dumps(body), check=False)
    return "" if '"Success"' in said else said


def run_without_getting_ready(server: ApiServer, namespace: str, pod: str) -> None:
    """Give a pod the status of one whose container runs and is not ready; one that waits may always go."""
    ready = {"type": "Ready", "status": "False"}
    patch = json.dumps({"status": {"phase": "Running", "conditions": [ready]}})
    server.kubectl("patch", "pod", pod, "-n", namespace, "--subresource=status", "--type=merge", "-p", patch)


def budgets_are_judged(server: ApiServer, namespace: str, healthy: int) -> bool:
    found = server.get("pdb", namespace=namespace)
    return bool(found) and all(
        one.get("status", {}).get("observedGeneration") and one["status"]["currentHealthy"] == healthy
        for one in found
    )


def test_the_one_pod_of_each_kind_may_go(plane: ControlPlane) -> None:
    server, namespace = plane.server, "one-each"
    install(server, namespace)
    eventually("ready", lambda: sum(map(is_ready, pods(plane, namespace))) == 2, within_s=60)
    eventually("judged", lambda: budgets_are_judged(server, namespace, 1), within_s=30)
    for pod in pods(plane, namespace):
        assert evict(server, namespace, pod["metadata"]["name"]) == ""


NEVER_READY = ("modules.multi2vec-bind.tag=unpullable", "image.tag=unpullable")
SEVERAL = ("replicas=3", "modules.multi2vec-bind.replicas=2")


def install_never_ready(plane: ControlPlane, namespace: str, *settings: str) -> list[str]:
    """Install a release whose pods run and never get ready, and return their names."""
    server = plane.server
    sets = [part for one in (*NEVER_READY, *SEVERAL, *settings) for part in ("--set", one)]
    install(server, namespace, *sets)
    eventually("made", lambda: len(pods(plane, namespace)) == 5, within_s=60)
    names = [pod["metadata"]["name"] for pod in pods(plane, namespace)]
    for name in names:
        run_without_getting_ready(server, namespace, name)
    eventually("judged", lambda: budgets_are_judged(server, namespace, 0), within_s=30)
    return names


def test_pods_that_never_get_ready_may_go(plane: ControlPlane) -> None:
    for name in install_never_ready(plane, "never-ready"):
        assert evict(plane.server, "never-ready", name) == ""


def test_under_the_api_s_own_default_they_would_hold_their_nodes(plane: ControlPlane) -> None:
    policy = "podDisruptionBudgets.weaviate.spec.unhealthyPodEvictionPolicy=IfHealthyBudget"
    first = install_never_ready(plane, "held", policy)[0]
    assert "would violate the pod's disruption budget" in evict(plane.server, "held", first)
