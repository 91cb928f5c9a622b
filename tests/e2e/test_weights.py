"""Weights that a team brings along: in a volume claim, or in an image; mounted by the real kubelet.

The file has the full size and all tensors, but every weight is zero, so that it takes no room on the disk.
The server maps it, runs every encoder once and is Ready; of its vectors nothing can be said.
"""

import json

import pytest

from bind_demo.errors import DemoError
from bind_demo.local_cluster import local_images
from support.story import Story
from support.waiting import until

READY_TIMEOUT_S = 240
"""On two busy CPUs the forward passes of the full-size model take their time."""


def fill(story: Story) -> None:
    """Write the file into folder `imagebind` of the claim, in a pod."""
    tag = local_images().values["images.inference.tag"]
    body = {
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
    story.kube.run("create", "-n", story.namespace, "-f", "-", stdin=json.dumps(body))

    def done() -> bool:
        pod = story.kube.get("pod", "fill", "-n", story.namespace)
        assert pod["status"]["phase"] != "Failed", story.kubectl("logs", "fill")
        return bool(pod["status"]["phase"] == "Succeeded")

    until(done, 180, "the pod that fills the claim has ended")


def stop(story: Story, name: str) -> None:
    """Wait until the resource has no inference pod."""
    story.patch(name, {"inference": {"replicas": 0}})
    until(lambda: not story.pods(name, "inference"), 60, "the inference pod is gone")


def only_pod(story: Story) -> str:
    """Return the name of the inference pod, once the one before it has gone."""

    def alone() -> str | None:
        pods = story.pods("claimed", "inference")
        return str(pods[0]["metadata"]["name"]) if len(pods) == 1 else None

    return until(alone, 60, "one inference pod is left")


@pytest.fixture(scope="module", autouse=True)
def applied(story: Story) -> None:
    story.apply("claimed.yaml")


def test_a_claim_that_is_not_there_is_told(story: Story) -> None:
    condition = story.wait_reason("claimed", "Unschedulable", timeout_s=90)
    assert 'persistentvolumeclaim "weights" not found' in condition.message


def test_a_path_that_is_not_in_the_volume_is_told_with_what_is(story: Story) -> None:
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
    model = {"weights": {"existingClaim": {"path": "imagebind"}}}
    story.patch("claimed", {"inference": {"model": model}})
    story.wait_ready("claimed", READY_TIMEOUT_S)
    assert story.condition("claimed", "Verified").status == "True"


def test_the_file_is_mapped_where_it_lies_and_nothing_is_kept_elsewhere(story: Story) -> None:
    inside = ("exec", "-n", story.namespace, only_pod(story), "--")
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


def test_an_image_of_weights_that_cannot_be_pulled_is_told(story: Story) -> None:
    story.apply("imaged.yaml")
    condition = story.wait_reason("imaged", "ImagePullFailed", timeout_s=90)
    assert "docker.io/library/caddy:no-weights" in condition.message


def test_a_runtime_that_mounts_no_images_is_told_with_the_way_out(story: Story) -> None:
    """The kubelet has pulled the image; the local node's containerd (1.6) cannot mount it."""
    stop(story, "imaged")  # or the pod that cannot pull stays, and is what is told
    image = {"reference": "docker.io/library/caddy:2.11.9"}
    story.patch("imaged", {"inference": {"replicas": 1, "model": {"weights": {"image": image}}}})
    condition = story.wait_reason("imaged", "ContainerConfigInvalid", timeout_s=90)
    assert "mounts no image volumes (containerd 2.1 or CRI-O 1.31 is needed)" in condition.message
    assert "spec.inference.model.weights.existingClaim" in condition.message
