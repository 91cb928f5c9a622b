"""CUDA where there is no GPU says why it is not Ready; with a GPU node its pod is scheduled there."""

from pathlib import Path

from support.kwok import fake_gpu_node
from support.story import Story
from support.waiting import until

NAME = "fast"
NODE = "e2e-fake-gpu"
SAID_WITHIN_S = 30


def test_a_cluster_without_gpu_is_said_within_30_s(story: Story) -> None:
    story.apply("resource.yaml")
    condition = story.wait_reason(NAME, "Unschedulable", SAID_WITHIN_S)
    assert condition.status == "False"
    assert "Insufficient nvidia.com/gpu" in condition.message
    assert "Unschedulable" in story.event_reasons(NAME)
    assert story.resource(NAME)["status"]["device"] == "CUDA"


def test_on_a_gpu_node_the_pod_is_scheduled_there(story: Story, tmp_path: Path) -> None:
    with fake_gpu_node(story.kube, NODE, tmp_path):
        nodes = until(
            lambda: [p["spec"].get("nodeName") for p in story.pods(NAME, "inference")] == [NODE],
            60,
            lambda: f"the inference pod is on {NODE}; {NAME} says {story.say(NAME)}",
        )
        assert nodes
        (pod,) = story.pods(NAME, "inference")
        limits = pod["spec"]["containers"][0]["resources"]["limits"]
        assert limits["nvidia.com/gpu"] == "1"
        (weaviate_pod,) = story.pods(NAME, "weaviate")
        assert weaviate_pod["spec"]["nodeName"] != NODE
