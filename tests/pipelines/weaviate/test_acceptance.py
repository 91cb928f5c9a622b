"""Each version of Weaviate: the searches of the demo by both clients, and the promises of the gate."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from weaviate.exceptions import WeaviateQueryError, WeaviateUnsupportedFeatureError

from bind_demo.cluster.kube import Kube
from bind_local.programs.modules import WEAVIATES
from support.story import Story
from support.things import make_collection, make_thing
from support.waiting import until

LOCAL = Path(__file__).parents[3] / "local"
NAME = "versions"
SEARCHES = 9 * 2
"""The demo's searches by each of two clients."""
OBJECTS = 300
KILLS = {60: 0, 180: 1}
"""After how many objects which of the two first inference pods is killed."""
DIMENSIONS = 32
STREAMED = 50
STREAMS_FROM = (1, 36)

Results = dict[str, dict[str, Any]]


@pytest.fixture(scope="module", params=[module.version() for module in WEAVIATES])
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def story(operator: Kube, version: str, resource: str) -> Iterator[Story]:
    story = Story(operator, f"weaviate-{version.replace('.', '-')}", Path())
    story.open()
    story.kube.run("apply", "-n", story.namespace, "-f", "-", stdin=resource.replace("VERSION", version))
    story.wait_ready(NAME)
    yield story
    story.close()


def test_it_is_the_version_that_was_asked_for(story: Story, version: str) -> None:
    with story.client(NAME) as client:
        assert client.get_meta()["version"] == version


def test_every_search_of_both_clients_finds_the_right_thing(
    story: Story, version: str, results: Results
) -> None:
    with (
        story.kube.forward(story.namespace, f"svc/{NAME}-weaviate", 80) as http_port,
        story.kube.forward(story.namespace, f"svc/{NAME}-weaviate-grpc", 50051) as grpc_port,
    ):
        ports = ["--http-port", str(http_port), "--grpc-port", str(grpc_port)]
        done = subprocess.run(
            [sys.executable, "-m", "bind_demo", "search", *ports],
            cwd=LOCAL,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    passed = done.stdout.count("pass 8/8")
    assert passed == SEARCHES
    results[version]["searches"] = [passed, SEARCHES]


def test_no_object_of_an_import_is_lost_while_both_inference_pods_are_killed(
    story: Story, version: str, results: Results
) -> None:
    pods = [pod["metadata"]["name"] for pod in story.pods(NAME, "inference")]
    assert len(pods) == 2
    with story.client(NAME) as client:
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
    results[version]["import"] = [len(vectors), OBJECTS]


def test_an_import_may_be_one_stream(story: Story, version: str, results: Results) -> None:
    """By gRPC, where Weaviate and not the client says how fast objects come."""
    streams = tuple(map(int, version.split(".")[:2])) >= STREAMS_FROM
    with story.client(NAME) as client:
        collection = make_collection(client, "Streamed")
        refused = contextlib.nullcontext() if streams else pytest.raises(WeaviateUnsupportedFeatureError)
        with refused, collection.batch.stream() as batch:
            for number in range(STREAMED):
                batch.add_object(make_thing(number))
        assert [item.message for item in collection.batch.failed_objects] == []
        found = list(collection.iterator(include_vector=True))
    assert len(found) == STREAMED * streams
    assert all(any(item.vector["default"]) for item in found)
    results[version]["streams"] = streams


def test_without_inference_it_serves_keywords_and_vectors_and_says_why_not_more(
    story: Story, version: str, results: Results
) -> None:
    story.patch(NAME, {"inference": {"replicas": 0}})
    story.wait_ready(NAME)
    # A pod that is to go answers for some seconds more.
    selector = f"app.kubernetes.io/instance={NAME},app.kubernetes.io/component=inference"
    until(
        lambda: not story.kube.get("pods", "-n", story.namespace, "-l", selector).get("items"),
        60,
        "the inference pods are gone",
    )
    with story.client(NAME) as client:
        collection = make_collection(client, "Quiet")
        for number, text in enumerate(["a blue whale", "a red kite", "a green frog"]):
            collection.data.insert({"text": text}, vector=[float(number == i) for i in range(DIMENSIONS)])
        keyword = collection.query.bm25("kite").objects
        near = collection.query.near_vector([0.9 * (i == 2) for i in range(DIMENSIONS)], limit=1).objects
        with pytest.raises(WeaviateQueryError, match="no ImageBind server is ready"):
            collection.query.near_text("something that swims")
    assert [item.properties["text"] for item in keyword] == ["a red kite"]
    assert [item.properties["text"] for item in near] == ["a green frog"]
    (pod,) = story.pods(NAME, "weaviate")
    assert all(status["restartCount"] == 0 for status in pod["status"]["containerStatuses"])
    results[version]["without inference"] = True


def test_it_starts_without_inference_too(story: Story, version: str, results: Results) -> None:
    (before,) = story.pods(NAME, "weaviate")
    story.patch(NAME, {"weaviate": {"env": {"QUERY_DEFAULTS_LIMIT": "7"}}})
    story.wait_ready(NAME)
    (after,) = story.pods(NAME, "weaviate")
    assert after["metadata"]["uid"] != before["metadata"]["uid"]
    assert story.pods(NAME, "inference") == []
    results[version]["start without inference"] = True
