"""Weights that a team brings along: in a volume claim, or in an image; mounted by the real kubelet.

The file has the full size and all tensors, but every weight is zero: it takes no room in the claim, and
little in the registry (unpacked from the image it has its 4.8 GB, until the end of the story). The server
maps it, runs every encoder once and is Ready; its vectors mean nothing.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from bind_demo.cluster.local import local_images
from bind_demo.errors import DemoError
from bind_local.images.publish import remove_pulled
from bind_local.images.registry import Registry
from bind_local.paths import REPO, Paths
from bind_local.settings import Settings
from bind_local.topology import NODE, REGISTRY
from support import oci
from support.story import KIND, Story
from support.waiting import until

WEIGHTS_REPOSITORY = "e2e/imagebind-weights"
READY_TIMEOUT_S = 240
"""On two busy CPUs the forward passes of the full-size model take their time."""


def fill(story: Story) -> None:
    """Write the file into folder `imagebind` of the claim, in a pod."""
    tag = local_images().values["images.inference.tag"]
    manifest = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "fill"},
        "spec": {
            "restartPolicy": "Never",
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 65532,
                "fsGroup": 65532,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": "fill",
                    "image": f"ghcr.io/bindvectorizer/bind-inference:{tag}",
                    "command": ["python", "-c", (story.fixtures / "zeros.py").read_text()],
                    "args": ["/weights/imagebind"],
                    "volumeMounts": [{"name": "weights", "mountPath": "/weights"}],
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "capabilities": {"drop": ["ALL"]},
                    },
                }
            ],
            "volumes": [{"name": "weights", "persistentVolumeClaim": {"claimName": "weights"}}],
        },
    }
    story.kube.run("create", "-n", story.namespace, "-f", "-", stdin=json.dumps(manifest))

    def done() -> bool:
        pod = story.kube.get("pod", "fill", "-n", story.namespace)
        assert pod["status"]["phase"] != "Failed", story.kubectl("logs", "fill")
        return bool(pod["status"]["phase"] == "Succeeded")

    until(done, 180, "the pod that fills the claim has ended")


def stop(story: Story, name: str) -> None:
    """Wait until the resource has no inference pod."""
    story.patch(name, {"inference": {"replicas": 0}})
    until(lambda: not story.pods(name, "inference"), 60, "the inference pod is gone")


@pytest.fixture(scope="module")
def weights_image(story: Story, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Push an image with the file at its root, as docs/how-to/weights.md has it; remove it at the end."""
    folder = tmp_path_factory.mktemp("weights")
    make = [sys.executable, str(story.fixtures / "zeros.py"), str(folder)]
    subprocess.run(make, env={"PYTHONPATH": str(REPO / "inference")}, check=True)
    node = story.kube.get("node", NODE)["status"]["nodeInfo"]
    oci.push(folder, WEIGHTS_REPOSITORY, "1", node["architecture"])
    (folder / "zeros.safetensors").unlink()
    yield f"docker.io/{WEIGHTS_REPOSITORY}:1"
    story.kubectl("delete", KIND, "imaged", "--ignore-not-found", "--timeout=110s")
    # With the pods go the mounts, which would keep the layer.
    story.kubectl("wait", "--for=delete", "pod", "-l", "app.kubernetes.io/instance=imaged", "--timeout=60s")
    registry = Registry(REGISTRY)
    tag = registry.tag(WEIGHTS_REPOSITORY, "1")
    if tag:
        registry.delete(WEIGHTS_REPOSITORY, tag)
    remove_pulled(Paths(Settings().cache_folder()), f"docker.io/{WEIGHTS_REPOSITORY}:1")


def ready_with(story: Story, name: str, weights: dict[str, Any]) -> None:
    """Give the resource weights and wait until it is Ready and Verified."""
    story.patch(name, {"inference": {"model": {"weights": weights}}})
    story.wait_ready(name, READY_TIMEOUT_S)
    assert story.condition(name, "Verified").status == "True"


def only_pod(story: Story, name: str) -> str:
    """Return the name of the inference pod, once the one before it has gone."""

    def alone() -> str | None:
        pods = story.pods(name, "inference")
        return str(pods[0]["metadata"]["name"]) if len(pods) == 1 else None

    return until(alone, 60, "one inference pod is left")


@pytest.fixture(scope="module", autouse=True)
def applied(story: Story) -> None:
    story.apply("claimed.yaml")


def test_a_claim_that_is_not_there_is_reported(story: Story) -> None:
    condition = story.wait_reason("claimed", "Unschedulable", timeout_s=90)
    assert 'persistentvolumeclaim "weights" not found' in condition.message


def test_a_path_that_is_not_in_the_volume_is_reported_with_what_is(story: Story) -> None:
    # A local volume gets its group only at its first mount, and a reader's mount changes nothing.
    stop(story, "claimed")
    story.apply("claim.yaml")
    fill(story)
    story.patch("claimed", {"inference": {"replicas": 1}})
    condition = story.wait_reason("claimed", "CrashLooping", timeout_s=120)
    assert (
        "--weights-path (BIND_WEIGHTS_PATH): cannot read /weights/elsewhere: No such file"
        in condition.message
    )
    assert "/weights holds imagebind/." in condition.message


def test_the_server_is_ready_with_the_file_in_the_claim(story: Story) -> None:
    ready_with(story, "claimed", {"existingClaim": {"path": "imagebind"}})


def test_the_file_is_mapped_where_it_lies_and_nothing_is_kept_elsewhere(story: Story) -> None:
    inside = ("exec", "-n", story.namespace, only_pod(story, "claimed"), "--")
    assert "/weights/imagebind/zeros.safetensors" in story.kube.run(*inside, "cat", "/proc/1/maps")
    with pytest.raises(DemoError, match="Read-only file system"):
        story.kube.run(*inside, "touch", "/weights/imagebind/zeros.safetensors")
    assert ".safetensors" not in story.kube.run(*inside, "ls", "-A", "/cache")
    claims = story.kubectl("get", "pvc", "-o", "name").split()
    assert sorted(claims) == [
        "persistentvolumeclaim/weaviate-data-claimed-weaviate-0",
        "persistentvolumeclaim/weights",
    ]


def test_deleting_the_resource_leaves_the_claim(story: Story) -> None:
    story.kubectl("delete", "bindvectorizer", "claimed", "--timeout=110s")
    story.wait_gone("pvc", "weaviate-data-claimed-weaviate-0")
    assert story.kube.get("pvc", "weights", "-n", story.namespace)["status"]["phase"] == "Bound"


def test_an_image_of_weights_that_cannot_be_pulled_is_reported(story: Story) -> None:
    story.apply("imaged.yaml")
    condition = story.wait_reason("imaged", "ImagePullFailed", timeout_s=90)
    assert "docker.io/library/caddy:no-weights" in condition.message


def test_the_server_is_ready_with_the_file_in_an_image(story: Story, weights_image: str) -> None:
    ready_with(story, "imaged", {"image": {"reference": weights_image}})


def test_the_image_s_file_is_mapped_where_it_lies_and_nothing_is_kept_elsewhere(story: Story) -> None:
    inside = ("exec", "-n", story.namespace, only_pod(story, "imaged"), "--")
    assert "/weights/zeros.safetensors" in story.kube.run(*inside, "cat", "/proc/1/maps")
    # By the mount itself: to write the file would fail already for its owner, root.
    mounts = [line.split() for line in story.kube.run(*inside, "cat", "/proc/1/mounts").splitlines()]
    (options,) = [options for _, where, _, options, *_ in mounts if where == "/weights"]
    assert "ro" in options.split(",")
    assert ".safetensors" not in story.kube.run(*inside, "ls", "-A", "/cache")
    assert not [name for name in story.kubectl("get", "pvc", "-o", "name").split() if "cache" in name]
