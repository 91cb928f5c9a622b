"""KEDA scales the inference pods by the requests at the gates, and no request fails by it."""

import pytest

from support.picture_load import asking, assert_none_failed
from support.story import Story
from support.things import fill_collection, make_thing
from support.waiting import until

NAME = "scaled"
CLASS = "Scaled"
OBJECTS = 20
CLIENTS = 12
SCALED_WITHIN_S = 180


def test_without_keda_the_resource_says_so_and_goes_on_when_it_comes(story: Story) -> None:
    story.apply("resource.yaml")
    condition = story.wait_reason(NAME, "KedaMissing", 60)
    assert condition.status == "False"
    assert "install KEDA" in condition.message
    assert story.pods(NAME, "inference") == []


@pytest.fixture(scope="module")
def url(story: Story, keda: None) -> str:
    """Return Weaviate's address, once the resource is Ready and has some objects."""
    story.wait_ready(NAME)
    with story.client(NAME) as client:
        fill_collection(client, CLASS, OBJECTS)
    return story.url(NAME)


def ready(story: Story) -> str:
    return str(story.resource(NAME)["status"]["replicas"])


def test_it_scales_from_one_to_three_and_back_and_no_request_fails(story: Story, url: str) -> None:
    assert ready(story) == "1/1"
    with asking(url, CLASS, CLIENTS) as clients:
        until(lambda: ready(story) == "3/3", SCALED_WITHIN_S, lambda: f"three pods: {ready(story)}")
        assert story.condition(NAME).status == "True"
        assert_none_failed([one.take() for one in clients])
    with asking(url, CLASS, 1) as clients:
        until(lambda: ready(story) == "1/1", SCALED_WITHIN_S, lambda: f"one pod: {ready(story)}")
        assert_none_failed([one.take() for one in clients])


def test_to_none_and_back_with_an_import_that_loses_nothing(story: Story, url: str) -> None:
    story.patch(NAME, {"inference": {"autoscaling": {"minReplicas": 0, "sleepAfterSeconds": 10}}})
    story.wait_reason(NAME, "Asleep", SCALED_WITHIN_S)
    story.wait_no_pod(NAME, "inference")
    with story.client(NAME) as client:
        collection = client.collections.get(CLASS)
        with collection.batch.fixed_size(batch_size=10) as batch:
            for number in range(OBJECTS, 3 * OBJECTS):
                batch.add_object(make_thing(number))
        assert [item.message for item in collection.batch.failed_objects] == []
        assert len(list(collection.iterator())) == 3 * OBJECTS
    until(lambda: {"Asleep", "Waking"} <= story.event_reasons(NAME), 30, "the sleep and its end are told")
