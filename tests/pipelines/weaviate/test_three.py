"""One Weaviate becomes three, and three with three copies of each object lose no search while they change."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from weaviate.classes.config import Configure, DataType, Property

from bind_demo.cluster.kube import Kube
from bind_local.programs.modules import WEAVIATES
from support.searching import Searching
from support.story import Story
from support.things import make_collection, make_thing
from support.waiting import until

NAME = "versions"
OLDER, NEWER = (module.version() for module in WEAVIATES[-2:])
OBJECTS = 60
COPIES = 3

Results = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def story(operator: Kube, resource: str) -> Iterator[Story]:
    story = Story(operator, "weaviate-three", Path())
    story.open()
    manifest = yaml.safe_load(resource.replace("VERSION", OLDER))
    manifest["spec"]["inference"]["replicas"] = 1
    story.kube.run("apply", "-n", story.namespace, "-f", "-", stdin=yaml.safe_dump(manifest))
    story.wait_ready(NAME)
    yield story
    story.close()


def url(story: Story) -> str:
    service = story.kube.get("service", f"{NAME}-weaviate", "-n", story.namespace)["spec"]
    return f"http://{service['clusterIP']}:{service['ports'][0]['port']}"


def search(address: str, class_: str) -> None:
    """Search by text, on a connection of its own, so that any pod may answer. Raises for any fault."""
    query = f'{{ Get {{ {class_}(nearText: {{concepts: ["thing"]}}, limit: {OBJECTS}) {{ text }} }} }}'
    answer = httpx.post(f"{address}/v1/graphql", json={"query": query}, timeout=10)
    answer.raise_for_status()
    body = answer.json()
    if body.get("errors"):
        raise RuntimeError(body["errors"][0]["message"])
    found = len(body["data"]["Get"][class_])
    if found != OBJECTS:
        raise RuntimeError(f"{found} objects of {OBJECTS}")


def pods_answer(story: Story, class_: str) -> None:
    """Fail unless each pod by itself finds every object."""
    for pod in story.pods(NAME, "weaviate"):
        search(f"http://{pod['status']['podIP']}:8080", class_)


def nodes_are_healthy(story: Story) -> bool:
    nodes = httpx.get(f"{url(story)}/v1/nodes", timeout=10).json().get("nodes") or []
    return [node["status"] for node in nodes] == ["HEALTHY"] * COPIES


def test_one_becomes_three_and_keeps_its_objects(story: Story) -> None:
    with story.client(NAME) as client:
        collection = make_collection(client, "Alone")
        collection.data.insert_many([make_thing(number) for number in range(OBJECTS)])
    story.patch(NAME, {"weaviate": {"replicas": COPIES}})
    story.wait_ready(NAME)
    until(lambda: nodes_are_healthy(story), 60, "three nodes are healthy")
    pods_answer(story, "Alone")


def test_a_collection_of_three_copies_is_on_each_of_them(story: Story) -> None:
    with story.client(NAME) as client:
        collection = client.collections.create(
            "Safe",
            properties=[Property(name="text", data_type=DataType.TEXT)],
            vector_config=Configure.Vectors.multi2vec_bind(text_fields=["text"]),
            replication_config=Configure.replication(factor=COPIES),
        )
        collection.data.insert_many([{"text": make_thing(number)["text"]} for number in range(OBJECTS)])
    pods_answer(story, "Safe")


def test_an_upgrade_of_three_fails_no_search(story: Story, results: Results) -> None:
    address = url(story)
    with Searching(lambda: search(address, "Safe")) as searching:
        story.patch(NAME, {"weaviate": {"version": NEWER}})
        story.wait_ready(NAME, timeout_s=300)
        seen = searching.take()
    assert seen.searches > 0
    assert seen.failed == 0, seen.errors
    until(lambda: nodes_are_healthy(story), 60, "three nodes are healthy")
    pods_answer(story, "Safe")
    results[NEWER]["upgrade of three"] = {"searches": seen.searches, "failed": seen.failed}


def test_the_death_of_one_of_three_costs_only_what_it_was_answering(story: Story, results: Results) -> None:
    address = url(story)
    victim = story.pods(NAME, "weaviate")[-1]["metadata"]["name"]
    with Searching(lambda: search(address, "Safe")) as searching:
        story.kubectl("delete", "pod", victim, "--grace-period=0", "--force", "--wait=false")
        until(
            lambda: len(story.pods(NAME, "weaviate")) == COPIES and nodes_are_healthy(story),
            120,
            "three nodes are healthy",
        )
        seen = searching.take()
    assert seen.away_s < 10, seen
    pods_answer(story, "Safe")
    results[NEWER]["death of one of three"] = {"searches": seen.searches, "failed": seen.failed}


def test_three_do_not_become_one_unasked(story: Story) -> None:
    story.wait_ready(NAME)
    story.patch(NAME, {"weaviate": {"replicas": 1}})
    condition = story.wait_reason(NAME, "ChangeNeedsConsent", 30)
    assert "RAFT" in condition.message
    assert len(story.pods(NAME, "weaviate")) == COPIES
    story.patch(NAME, {"weaviate": {"replicas": COPIES}})
    story.wait_ready(NAME)
