"""An inference pod dies in the middle of an import; no object is lost."""

import weaviate

from support.story import Story
from support.things import make_collection, make_thing

NAME = "busy"
OBJECTS = 300
KILLS = {60: 0, 180: 1}
"""After how many objects which of the two first pods is killed."""


def test_no_object_of_a_running_import_is_lost(story: Story, client: weaviate.WeaviateClient) -> None:
    pods = [pod["metadata"]["name"] for pod in story.pods(NAME, "inference")]
    assert len(pods) == 2
    collection = make_collection(client, "Busy")

    with collection.batch.fixed_size(batch_size=10, concurrent_requests=2) as batch:
        for number in range(OBJECTS):
            batch.add_object(make_thing(number))
            if number in KILLS:
                victim = pods[KILLS[number]]
                story.kubectl("delete", "pod", victim, "--grace-period=0", "--force", "--wait=false")

    assert [item.message for item in collection.batch.failed_objects] == []
    vectors = [item.vector["default"] for item in collection.iterator(include_vector=True)]
    assert len(vectors) == OBJECTS
    assert all(any(vector) for vector in vectors)


def test_both_pods_were_replaced_and_the_resource_is_ready_again(story: Story) -> None:
    resource = story.wait_ready(NAME, timeout_s=90)
    assert resource["status"]["replicas"] == "2/2"
