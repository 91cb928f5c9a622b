"""From the oldest version to the newest, one minor version at a time, with searches running all the while."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from bind_demo.cluster.kube import Kube
from bind_local.programs.modules import WEAVIATES
from support.searching import Searching
from support.story import Story
from support.things import make_collection, make_thing

NAME = "versions"
CLASS = "Kept"
OBJECTS = 100
VERSIONS = [module.version() for module in WEAVIATES]
STEPS = list(pairwise(VERSIONS))
QUERY = (
    f'{{ Get {{ {CLASS}(nearText: {{concepts: ["thing number one"]}}, limit: 10) '
    "{ text _additional { id distance } } } }"
)
AWAY_S = 120
"""With one replica nothing answers while its pod is replaced: bounded, not avoided."""

Hits = list[tuple[str, float]]
Results = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def story(operator: Kube, resource: str) -> Iterator[Story]:
    story = Story(operator, "weaviate-upgrade", Path())
    story.open()
    manifest = resource.replace("VERSION", VERSIONS[0])
    story.kube.run("apply", "-n", story.namespace, "-f", "-", stdin=manifest)
    story.wait_ready(NAME)
    with story.client(NAME) as client:
        collection = make_collection(client, CLASS)
        with collection.batch.fixed_size(batch_size=20) as batch:
            for number in range(OBJECTS):
                batch.add_object(make_thing(number))
        assert collection.batch.failed_objects == []
    yield story
    story.close()


@pytest.fixture(scope="module")
def url(story: Story) -> str:
    """Return the address of the Service, by which a client in the cluster would ask."""
    service = story.kube.get("service", f"{NAME}-weaviate", "-n", story.namespace)["spec"]
    return f"http://{service['clusterIP']}:{service['ports'][0]['port']}"


def hits(url: str) -> Hits:
    """Return the ids and distances of a search by text. Raises for any fault."""
    answer = httpx.post(f"{url}/v1/graphql", json={"query": QUERY}, timeout=5)
    answer.raise_for_status()
    body = answer.json()
    if body.get("errors"):
        raise RuntimeError(body["errors"][0]["message"])
    found = body["data"]["Get"][CLASS]
    return [(one["_additional"]["id"], one["_additional"]["distance"]) for one in found]


@pytest.fixture(scope="module")
def before(url: str) -> Hits:
    return hits(url)


@pytest.fixture(scope="module")
def searching(url: str, before: Hits) -> Iterator[Searching]:
    """Search all the while; an answer with other hits than before counts as a failure."""

    def search() -> None:
        if [id_ for id_, _ in hits(url)] != [id_ for id_, _ in before]:
            raise RuntimeError("other hits than before")

    with Searching(search) as searching:
        yield searching


def stored(story: Story) -> dict[str, list[float]]:
    """Return the vector of each object by its text."""
    with story.client(NAME) as client:
        found = client.collections.get(CLASS).iterator(include_vector=True)
        return {str(one.properties["text"]): list(one.vector["default"]) for one in found}


@pytest.fixture(scope="module")
def vectors(story: Story) -> dict[str, list[float]]:
    found = stored(story)
    assert len(found) == OBJECTS
    return found


def test_over_more_than_one_minor_version_needs_consent_and_breaks_no_search(
    story: Story, searching: Searching
) -> None:
    (pod,) = story.pods(NAME, "weaviate")
    story.patch(NAME, {"weaviate": {"version": VERSIONS[-1]}})
    condition = story.wait_reason(NAME, "ChangeNeedsConsent", 30)
    assert f"over more than one minor version, from {VERSIONS[0]} to {VERSIONS[-1]}" in condition.message
    story.patch(NAME, {"weaviate": {"version": VERSIONS[0]}})
    story.wait_ready(NAME)
    (still,) = story.pods(NAME, "weaviate")
    assert still["metadata"]["uid"] == pod["metadata"]["uid"]
    seen = searching.take()
    assert seen.searches > 0
    assert seen.failed == 0, seen.errors


@pytest.mark.parametrize(("older", "newer"), STEPS, ids=[f"{old}-{new}" for old, new in STEPS])
def test_a_step_keeps_every_object_vector_and_hit(
    story: Story,
    url: str,
    searching: Searching,
    before: Hits,
    vectors: dict[str, list[float]],
    results: Results,
    older: str,
    newer: str,
) -> None:
    searching.take()
    story.patch(NAME, {"weaviate": {"version": newer}})
    story.wait_ready(NAME)
    assert httpx.get(f"{url}/v1/meta", timeout=5).json()["version"] == newer
    assert stored(story) == vectors
    after = hits(url)
    assert [id_ for id_, _ in after] == [id_ for id_, _ in before]
    assert [distance for _, distance in after] == pytest.approx(
        [distance for _, distance in before], abs=1e-5
    )
    seen = searching.take()
    assert seen.away_s < AWAY_S
    assert not [error for error in seen.errors if "other hits" in error]
    results[newer]["upgrade"] = {
        "from": older,
        "searches": seen.searches,
        "failed": seen.failed,
        "away_s": round(seen.away_s, 1),
        "objects": [len(vectors), OBJECTS],
    }


def test_back_by_a_minor_version_needs_consent(story: Story) -> None:
    story.patch(NAME, {"weaviate": {"version": VERSIONS[-2]}})
    condition = story.wait_reason(NAME, "ChangeNeedsConsent", 30)
    assert f"Weaviate would go back, from {VERSIONS[-1]} to {VERSIONS[-2]}" in condition.message
    story.patch(NAME, {"weaviate": {"version": VERSIONS[-1]}})
    story.wait_ready(NAME)


def test_what_is_stored_after_the_last_step_is_vectorized_and_found(story: Story) -> None:
    with story.client(NAME) as client:
        collection = client.collections.get(CLASS)
        collection.data.insert(make_thing(OBJECTS))
        found = collection.query.near_text(f"thing number {OBJECTS}", limit=OBJECTS + 1).objects
    assert f"thing number {OBJECTS}" in {one.properties["text"] for one in found}
