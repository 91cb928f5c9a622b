"""docs/how-to/migrate-upstream.md, as it stands: a thousand objects of upstream's release, there and back."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

import pytest
import weaviate
from weaviate.classes.config import Configure, DataType, Property

from bind_demo.cluster.kube import Kube
from pipelines.upstream.conftest import NAMESPACE, Move, wait_for_service

OBJECTS = 1000
MOST_AWAY_S = 60
"""The page says that Weaviate is away for less than a minute."""
ANSWER_S = 3
"""Who asks each fifth of a second was answered by then."""


# It asks the old Service from within the cluster, as a client does, and prints when it was answered.
_ASKING = """
import time, urllib.request
while True:
    try:
        urllib.request.urlopen("http://weaviate.shop.svc/v1/.well-known/ready", timeout=1).read()
        print(time.time(), flush=True)
    except Exception:
        pass
    time.sleep(0.2)
"""


@contextmanager
def _watched(kube: Kube) -> Iterator[list[float]]:
    """Yield a list that holds, after the block, the times at which the old Service answered."""
    command = kube.kubectl_args(
        "exec", "-n", NAMESPACE, "deploy/bind-inference", "--", "python", "-c", _ASKING
    )
    answered: list[float] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as asking:
        assert asking.stdout is not None
        answered.append(float(asking.stdout.readline()))
        try:
            yield answered
            time.sleep(ANSWER_S)
        finally:
            asking.terminate()
            answered.extend(map(float, asking.stdout.read().split()))


def _found(client: weaviate.WeaviateClient) -> tuple[int, list[str]]:
    """Return how many objects there are, and which are nearest to a text, by the module."""
    things = client.collections.get("Thing")
    count = things.aggregate.over_all(total_count=True).total_count or 0
    nearest = things.query.near_text("thing number 7", limit=3).objects
    return count, [str(one.properties["text"]) for one in nearest]


@pytest.fixture(scope="module")
def before(move: Move) -> tuple[int, list[str]]:
    wait_for_service(move.kube, "weaviate")
    with move.client("weaviate") as client:
        things = client.collections.create(
            "Thing",
            properties=[Property(name="text", data_type=DataType.TEXT)],
            vector_config=Configure.Vectors.multi2vec_bind(text_fields=["text"]),
        )
        with things.batch.fixed_size(batch_size=100) as batch:
            for number in range(OBJECTS):
                batch.add_object({"text": f"thing number {number}"})
        assert things.batch.failed_objects == []
        return _found(client)


def test_all_objects_are_found_by_the_resource_and_weaviate_was_away_for_less_than_a_minute(
    move: Move, before: tuple[int, list[str]], record_property
) -> None:
    assert before[0] == OBJECTS
    move.run("Keep the volume")
    with _watched(move.kube) as answered:
        move.run("Change over")
        wait_for_service(move.kube, "weaviate")
        changed = time.time()
    away = max(later - earlier for earlier, later in pairwise(answered))
    print(f"Weaviate was away for {away:.0f} s")  # noqa: T201
    record_property("away_s", away)
    for service in ("search-weaviate", "weaviate"):
        with move.client(service) as client:
            assert _found(client) == before
    assert answered[-1] > changed, "the old Service leads nowhere"
    assert away < MOST_AWAY_S


def test_what_was_written_meanwhile_comes_along_on_the_way_back(
    move: Move, before: tuple[int, list[str]]
) -> None:
    with move.client("search-weaviate") as client:
        client.collections.get("Thing").data.insert({"text": "written by the resource"})
    move.run("The way back")
    wait_for_service(move.kube, "weaviate")
    with move.client("weaviate") as client:
        count, nearest = _found(client)
    assert (count, nearest[0]) == (OBJECTS + 1, before[1][0])
