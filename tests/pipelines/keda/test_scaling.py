"""KEDA scales the inference pods by the requests at the gates, and no request fails by it."""

import base64
import io
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import httpx
import numpy as np
import pytest
from PIL import Image

from support.searching import Report, Searching
from support.story import Story
from support.things import make_collection, make_thing
from support.waiting import until

NAME = "scaled"
CLASS = "Scaled"
OBJECTS = 20
CLIENTS = 12
SCALED_WITHIN_S = 180
QUERY = f'{{ Get {{ {CLASS}(nearImage: {{image: "%s"}}, limit: 1) {{ text }} }} }}'
PIXELS = 384
"""So large a picture takes the server longer than all that is before it."""


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
        collection = make_collection(client, CLASS)
        with collection.batch.fixed_size(batch_size=10) as batch:
            for number in range(OBJECTS):
                batch.add_object(make_thing(number))
        assert collection.batch.failed_objects == []
    service = story.kube.get("service", f"{NAME}-weaviate", "-n", story.namespace)["spec"]
    return f"http://{service['clusterIP']}:{service['ports'][0]['port']}"


@contextmanager
def asking(url: str, clients: int) -> Iterator[list[Searching]]:
    """Let so many clients search without a pause, each by a picture that nobody has sent before."""
    picture, numbers = noise(), iter(range(1, 10_000_000))

    with ExitStack() as stack:
        client = stack.enter_context(httpx.Client(timeout=60, limits=httpx.Limits(max_connections=clients)))

        def search() -> None:
            # White space at the end: another string for the server's memory of vectors, and the same picture.
            spaces = " " * next(numbers)
            answer = client.post(f"{url}/v1/graphql", json={"query": QUERY % (picture + spaces)})
            answer.raise_for_status()
            body = answer.json()
            if body.get("errors"):
                raise RuntimeError(body["errors"][0]["message"])

        yield [stack.enter_context(Searching(search, pause_s=0.0)) for _ in range(clients)]


def noise() -> str:
    pixels = np.random.default_rng(7).integers(0, 256, (PIXELS, PIXELS, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()


def ready(story: Story) -> str:
    return str(story.resource(NAME)["status"]["replicas"])


def assert_none_failed(reports: list[Report]) -> None:
    assert sum(one.searches for one in reports) > 0
    assert sum(one.failed for one in reports) == 0, reports


def test_it_scales_from_one_to_three_and_back_and_no_request_fails(story: Story, url: str) -> None:
    assert ready(story) == "1/1"
    with asking(url, CLIENTS) as clients:
        until(lambda: ready(story) == "3/3", SCALED_WITHIN_S, lambda: f"three pods: {ready(story)}")
        assert story.condition(NAME).status == "True"
        assert_none_failed([one.take() for one in clients])
    with asking(url, 1) as clients:
        until(lambda: ready(story) == "1/1", SCALED_WITHIN_S, lambda: f"one pod: {ready(story)}")
        assert_none_failed([one.take() for one in clients])


def test_to_none_and_back_with_an_import_that_loses_nothing(story: Story, url: str) -> None:
    story.patch(NAME, {"inference": {"autoscaling": {"minReplicas": 0, "sleepAfterSeconds": 10}}})
    story.wait_reason(NAME, "Asleep", SCALED_WITHIN_S)
    until(lambda: story.pods(NAME, "inference") == [], 60, "the last pod goes")
    with story.client(NAME) as client:
        collection = client.collections.get(CLASS)
        with collection.batch.fixed_size(batch_size=10) as batch:
            for number in range(OBJECTS, 3 * OBJECTS):
                batch.add_object(make_thing(number))
        assert [item.message for item in collection.batch.failed_objects] == []
        assert len(list(collection.iterator())) == 3 * OBJECTS
    until(lambda: {"Asleep", "Waking"} <= story.event_reasons(NAME), 30, "the sleep and its end are told")
