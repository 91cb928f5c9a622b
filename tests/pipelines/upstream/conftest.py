"""Fixtures of the move from upstream's chart: its release with objects in it, and the page's commands."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import weaviate
import yaml

from bind_demo.cluster.kube import Kube
from bind_demo.cluster.local import local_images
from bind_demo.errors import DemoError
from support.on_cluster import cluster, operator, pytest_runtest_makereport
from support.pages import blocks
from support.resources import merged
from support.story import Story
from support.waiting import until

__all__ = ["cluster", "operator", "pytest_runtest_makereport"]

HERE = Path(__file__).parent
PAGE = "migrate-upstream.md"
VARIABLE = "WEAVIATE_HELM"
NAMESPACE = "shop"
RELEASE = "weaviate"
SMALL: dict[str, Any] = {
    "spec": {
        "inference": {
            "model": {"name": "Tiny"},
            "resources": {"requests": {"cpu": "50m", "memory": "384Mi"}, "limits": {"memory": "3Gi"}},
        },
        "weaviate": {
            "storage": {"size": "1Gi"},
            "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "2Gi"}},
        },
    }
}


@dataclass(frozen=True)
class Move:
    """It is the page, with a shell in which its commands run as they stand there."""

    kube: Kube
    folder: Path

    def run(self, section: str) -> str:
        """Run the commands of a section; fail the test if one fails."""
        script = "\n".join(blocks(PAGE, under=section))
        path = f"{Path(self.kube.kubectl).parent}:{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-euxo", "pipefail", "-c", script],
            cwd=self.folder,
            env=os.environ | {"PATH": path, "KUBECONFIG": str(self.kube.kubeconfig)},
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextlib.contextmanager
    def client(self, service: str) -> Iterator[weaviate.WeaviateClient]:
        """Yield a client of the Weaviate behind a Service."""
        with (
            self.kube.forward(NAMESPACE, f"svc/{service}", 80) as http,
            self.kube.forward(NAMESPACE, f"svc/{service}-grpc", 50051) as grpc,
            weaviate.connect_to_local(port=http, grpc_port=grpc) as client,
        ):
            yield client


@pytest.fixture(scope="session")
def checkout() -> Path:
    if not os.environ.get(VARIABLE):
        pytest.skip(f"set {VARIABLE} to a checkout of github.com/weaviate/weaviate-helm")
    return Path(os.environ[VARIABLE])


@pytest.fixture(scope="module")
def story(checkout: Path, operator: Kube) -> Iterator[Story]:
    """The page's namespace, with upstream's release in it and the inference server that it asks."""
    story = Story(operator, NAMESPACE, HERE)
    story.close()
    # Without Pod Security: upstream's Weaviate runs as root.
    operator.run("create", "namespace", NAMESPACE)
    tag = local_images().values["images.inference.tag"]
    server = (HERE / "server.yaml").read_text(encoding="utf-8").replace("TAG", tag)
    operator.run("apply", "-n", NAMESPACE, "-f", "-", stdin=server)
    story.kubectl("rollout", "status", "deployment", "bind-inference", "--timeout=120s")
    where = ("--namespace", NAMESPACE, "--values", str(HERE / "values.yaml"), "--wait", "--timeout=180s")
    command = operator.helm_args("install", RELEASE, str(checkout / "weaviate"), *where)
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr + story.kubectl("get", "pods")
    yield story
    command = operator.helm_args("uninstall", RELEASE, "-n", NAMESPACE, "--ignore-not-found")
    subprocess.run(command, capture_output=True, check=False, timeout=120)
    story.close()
    for volume in operator.get("pv").get("items", []):
        if volume["spec"].get("claimRef", {}).get("namespace") == NAMESPACE:
            operator.run("delete", "pv", volume["metadata"]["name"])


@pytest.fixture(scope="module")
def move(story: Story, tmp_path_factory: pytest.TempPathFactory) -> Move:
    """The page's commands, in a folder with its resource, made small."""
    folder = tmp_path_factory.mktemp("move")
    (block,) = blocks(PAGE, "yaml")
    resource = merged(yaml.safe_load(block), SMALL)
    (folder / "search.yaml").write_text(yaml.safe_dump(resource), encoding="utf-8")
    return Move(story.kube, folder)


def wait_for_service(kube: Kube, service: str) -> None:
    """Wait until the Weaviate behind a Service is ready."""

    def answers() -> bool:
        try:
            with kube.forward(NAMESPACE, f"svc/{service}", 80) as port:
                url = f"http://127.0.0.1:{port}/v1/.well-known/ready"
                return httpx.get(url, timeout=5).is_success
        except (DemoError, httpx.HTTPError):
            return False

    until(answers, 120, f"{service} answers")
