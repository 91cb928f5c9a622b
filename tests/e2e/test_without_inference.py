"""Weaviate with no inference pod at all: it starts, is Ready and serves; a search by meaning says why not."""

from typing import Any

import pytest
import weaviate
from weaviate.classes.query import MetadataQuery
from weaviate.collections import Collection
from weaviate.exceptions import WeaviateQueryError

from support.story import Story
from support.things import make_collection

NAME = "quiet"
DIMENSIONS = 32


@pytest.fixture(scope="module")
def collection(client: weaviate.WeaviateClient) -> Collection[Any, Any]:
    """Three things with given vectors: the vectorizer is never asked."""
    collection = make_collection(client, "Quiet")
    for number, text in enumerate(["a blue whale", "a red kite", "a green frog"]):
        vector = [float(number == index) for index in range(DIMENSIONS)]
        collection.data.insert({"text": text}, vector=vector)
    return collection


def test_it_is_ready_without_a_single_inference_pod(story: Story, client: weaviate.WeaviateClient) -> None:
    assert client.is_ready()
    assert story.pods(NAME, "inference") == []
    assert "without inference pods" in story.condition(NAME).message
    assert story.condition(NAME, "InferenceReady").status == "False"


def test_keyword_search_works(story: Story, collection: Collection[Any, Any]) -> None:
    found = collection.query.bm25("kite")
    assert [item.properties["text"] for item in found.objects] == ["a red kite"]


def test_search_by_vector_works(story: Story, collection: Collection[Any, Any]) -> None:
    vector = [0.9 if index == 2 else 0.1 for index in range(DIMENSIONS)]
    found = collection.query.near_vector(vector, limit=1, return_metadata=MetadataQuery(distance=True))
    assert [item.properties["text"] for item in found.objects] == ["a green frog"]


def test_a_search_by_meaning_says_that_no_server_is_ready(
    story: Story, collection: Collection[Any, Any]
) -> None:
    with pytest.raises(WeaviateQueryError, match="no ImageBind server is ready"):
        collection.query.near_text("something that swims")


def test_weaviate_stays_ready_meanwhile(story: Story, collection: Collection[Any, Any]) -> None:
    (pod,) = story.pods(NAME, "weaviate")
    assert all(status["restartCount"] == 0 for status in pod["status"]["containerStatuses"])
    assert story.condition(NAME).status == "True"
