"""No inference pod runs while nobody asks; an import wakes the first one and loses nothing."""

import weaviate

from support.story import Story
from support.things import make_collection, make_thing
from support.waiting import until

NAME = "sleepy"
OBJECTS = 60
ASLEEP_WITHIN_S = 60


def test_an_import_that_begins_at_zero_loses_nothing(story: Story, client: weaviate.WeaviateClient) -> None:
    collection = make_collection(client, "Sleepy")
    story.wait_reason(NAME, "Asleep", ASLEEP_WITHIN_S)
    story.wait_no_pod(NAME, "inference")
    assert story.condition(NAME).status == "True"
    assert story.resource(NAME)["status"]["autoscaling"]["asleepSince"]
    assert client.is_ready()

    with collection.batch.fixed_size(batch_size=10, concurrent_requests=2) as batch:
        for number in range(OBJECTS):
            batch.add_object(make_thing(number))

    assert [item.message for item in collection.batch.failed_objects] == []
    vectors = [item.vector["default"] for item in collection.iterator(include_vector=True)]
    assert len(vectors) == OBJECTS
    assert all(any(vector) for vector in vectors)
    assert collection.query.near_text("thing number one", limit=1).objects
    # Events are written beside the work: the import can be over before its own are there.
    until(lambda: {"Asleep", "Waking"} <= story.event_reasons(NAME), 30, "the sleep and its end are told")
    assert story.wait_ready(NAME)["status"]["autoscaling"]["startSeconds"] > 0
