"""A changed resource rolls out; a suspended one does not, until it is resumed."""

from typing import Any

import httpx
import pytest

from support.story import Story
from support.things import make_collection, make_thing
from support.waiting import until

NAME = "changing"


@pytest.fixture(scope="module", autouse=True)
def installed(story: Story) -> None:
    story.apply("resource.yaml")
    story.wait_ready(NAME)
    with story.client(NAME) as client:
        make_collection(client, "Changing").data.insert(make_thing(1))


def _revision(story: Story) -> int:
    return int(story.resource(NAME)["status"]["release"]["revision"])


def _env(pods: list[dict[str, Any]], container: str, name: str) -> set[str]:
    """Return the values that an environment variable has in the pods."""
    found = [c for pod in pods for c in pod["spec"]["containers"] if c["name"] == container]
    return {e.get("value", "") for c in found for e in c["env"] if e["name"] == name}


def test_applying_it_again_makes_no_new_revision(story: Story) -> None:
    before = story.resource(NAME)
    story.apply("resource.yaml")
    after = story.wait_ready(NAME)
    assert after["status"]["release"] == before["status"]["release"]
    assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]


def test_a_change_of_inference_replaces_its_pods_and_leaves_weaviate(story: Story) -> None:
    revision = _revision(story)
    (old,) = story.pods(NAME, "inference")
    (weaviate_pod,) = story.pods(NAME, "weaviate")

    story.patch(NAME, {"inference": {"extraEnv": [{"name": "DEMO_CHANGE", "value": "one"}]}})
    story.wait_ready(NAME)

    assert _revision(story) == revision + 1
    pods = story.pods(NAME, "inference")
    assert _env(pods, "inference", "DEMO_CHANGE") == {"one"}
    assert old["metadata"]["uid"] not in {pod["metadata"]["uid"] for pod in pods}
    (still,) = story.pods(NAME, "weaviate")
    assert still["metadata"]["uid"] == weaviate_pod["metadata"]["uid"]
    until(lambda: "Upgraded" in story.event_reasons(NAME), 30, "the upgrade is told")


def test_a_change_of_weaviate_keeps_its_data(story: Story) -> None:
    story.patch(NAME, {"weaviate": {"env": {"QUERY_DEFAULTS_LIMIT": "7"}}})
    story.wait_ready(NAME)

    assert _env(story.pods(NAME, "weaviate"), "weaviate", "QUERY_DEFAULTS_LIMIT") == {"7"}
    with story.client(NAME) as client:
        found = client.collections.get("Changing").query.near_text("thing number one")
    assert [item.properties["text"] for item in found.objects] == ["thing number 1"]


def test_a_suspended_resource_is_left_as_it_is(story: Story) -> None:
    revision = _revision(story)
    story.patch(NAME, {"suspend": True, "inference": {"extraEnv": [{"name": "DEMO_CHANGE", "value": "two"}]}})

    condition = story.wait_reason(NAME, "Suspended", timeout_s=30)

    assert condition.status == "Unknown"
    assert "spec.suspend is true" in condition.message
    assert _revision(story) == revision
    assert _env(story.pods(NAME, "inference"), "inference", "DEMO_CHANGE") == {"one"}


def test_a_resumed_resource_takes_the_change(story: Story) -> None:
    revision = _revision(story)
    story.patch(NAME, {"suspend": False})
    story.wait_ready(NAME)

    assert _revision(story) == revision + 1
    assert _env(story.pods(NAME, "inference"), "inference", "DEMO_CHANGE") == {"two"}


def test_a_deleted_workload_comes_back(story: Story) -> None:
    story.kubectl("delete", "deployment", f"{NAME}-inference", "--wait=false")
    until(
        lambda: story.kube.get("deployment", f"{NAME}-inference", "-n", story.namespace),
        60,
        lambda: f"the deployment is made again; conditions: {story.conditions_line(NAME)}",
    )
    story.wait_ready(NAME)


def test_int8_is_served_by_the_image(story: Story) -> None:
    """Its kernels are compiled when the image is built, and for no other precision are they missed."""
    story.patch(NAME, {"inference": {"model": {"name": "Tiny", "precision": "int8"}}})
    story.accept_change(NAME)  # the collection holds vectors of float32
    story.wait_ready(NAME)
    until(lambda: "ChangeAccepted" in story.event_reasons(NAME), 30, "the consent is told")

    (pod,) = story.pods(NAME, "inference")
    meta = httpx.get(f"http://{pod['status']['podIP']}:8080/meta", timeout=10).json()
    assert (meta["state"], meta["precision"]) == ("Ready", "int8")
    assert [check["passed"] for check in meta["precision_checks"]] == [True]
    with story.client(NAME) as client:
        found = client.collections.get("Changing").query.near_text("thing number one")
    assert [item.properties["text"] for item in found.objects] == ["thing number 1"]
