"""CUDA where there is no GPU says why it is not Ready; with a GPU node its pod is scheduled there."""

from pathlib import Path
from typing import Any

from support.kwok import fake_gpu_node
from support.story import Story
from support.waiting import until

NAME = "fast"
NODE = "e2e-fake-gpu"
SAID_WITHIN_S = 30


def test_a_cluster_without_gpu_is_said_within_30_s(story: Story) -> None:
    story.apply("resource.yaml")
    condition = story.wait_reason(NAME, "WaitingForNode", SAID_WITHIN_S)
    assert condition.status == "Unknown"
    assert "Insufficient nvidia.com/gpu" in condition.message
    until(lambda: "WaitingForNode" in story.event_reasons(NAME), SAID_WITHIN_S, "an event says so too")
    assert story.resource(NAME)["status"]["device"] == "CUDA"


def test_on_a_gpu_node_the_pod_is_scheduled_there(story: Story, tmp_path: Path) -> None:
    with fake_gpu_node(story.kube, NODE, tmp_path):
        # Both are waited for: while the volume is bound the scheduler may try a second time.
        inference_pod = _scheduled(story, "inference")
        weaviate_pod = _scheduled(story, "weaviate")
        assert inference_pod["spec"]["nodeName"] == NODE
        assert weaviate_pod["spec"]["nodeName"] != NODE
        limits = inference_pod["spec"]["containers"][0]["resources"]["limits"]
        assert limits["nvidia.com/gpu"] == "1"


def _scheduled(story: Story, component: str) -> dict[str, Any]:
    """Return the component's only pod once a node is chosen for it."""

    def on_a_node() -> dict[str, Any] | None:
        pods = story.pods(NAME, component)
        return pods[0] if [bool(p["spec"].get("nodeName")) for p in pods] == [True] else None

    return until(
        on_a_node, 60, lambda: f"the {component} pod is on a node; conditions: {story.conditions_line(NAME)}"
    )
