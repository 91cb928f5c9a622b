"""A deleted resource takes its pods along, and its volumes only if it was asked to."""

import pytest
from weaviate.classes.config import Configure

from support.story import KIND, Story


@pytest.fixture(scope="module", autouse=True)
def installed(story: Story) -> None:
    for name in ("kept", "removed"):
        story.apply(f"{name}.yaml")
    for name in ("kept", "removed"):
        story.wait_ready(name)


def _claims(story: Story, name: str) -> list[str]:
    selector = f"app.kubernetes.io/instance={name}"
    claims = story.kube.get("pvc", "-n", story.namespace, "-l", selector).get("items", [])
    return [claim["metadata"]["name"] for claim in claims]


def test_retain_keeps_the_data_for_the_next_resource_of_the_name(story: Story) -> None:
    with story.client("kept") as client:
        plain = client.collections.create("Kept", vector_config=Configure.Vectors.self_provided())
        plain.data.insert({"text": "still here"}, vector=[1.0, 0.0])
    before = _claims(story, "kept")
    assert before

    story.kubectl("delete", KIND, "kept", "--wait=true", "--timeout=90s")
    story.wait_gone("statefulset", "kept-weaviate")
    assert story.kube.get("configmaps", "-n", story.namespace, "-l", "owner=helm,name=kept") == {}
    assert _claims(story, "kept") == before

    story.apply("kept.yaml")
    story.wait_ready("kept")
    (claim,) = story.resource("kept")["status"]["storage"]
    assert (claim["name"], claim["adopted"]) == (before[0], True)
    assert "ClaimAdopted" in story.event_reasons("kept")
    with story.client("kept") as client:
        objects = client.collections.get("Kept").query.fetch_objects().objects
    assert [item.properties["text"] for item in objects] == ["still here"]


def test_delete_removes_the_volumes(story: Story) -> None:
    claims = _claims(story, "removed")
    assert claims

    story.kubectl("delete", KIND, "removed", "--wait=true", "--timeout=90s")

    for claim in claims:
        story.wait_gone("pvc", claim)
    story.wait_gone("statefulset", "removed-weaviate")
    story.wait_gone("deployment", "removed-inference")
