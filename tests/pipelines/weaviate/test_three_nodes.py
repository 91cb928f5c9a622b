"""Three nodes and three copies of each object: reads go on through deaths and a rolling upgrade."""

import contextlib
import itertools
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
import weaviate
import yaml
from weaviate.classes.config import Configure, ConsistencyLevel, DataType, Property
from weaviate.classes.query import MetadataQuery

from bind_demo.cluster.kube import Kube
from bind_local.programs.modules import WEAVIATES
from support.searching import Report, Searching
from support.story import Story
from support.waiting import until

NAME = "versions"
NODES = 3
OBJECTS = 300
OLD, NEW = (module.version() for module in WEAVIATES[-2:])
READERS = 4
ROLLOUT_S = 400
KILLS = 3
AWAY_S = 15
TRANSPORT = ("ConnectError", "ReadError", "RemoteProtocolError", "ReadTimeout", "ConnectTimeout")
"""A connection that is refused or ends; an error in an answer begins with another word."""

Results = dict[str, dict[str, object]]


def make_texts(client: weaviate.WeaviateClient, name: str, copies: int) -> list[str]:
    """Make a collection of so many copies with OBJECTS objects that bring their vectors; return their ids."""
    collection = client.collections.create(
        name,
        properties=[Property(name="text", data_type=DataType.TEXT)],
        vector_config=Configure.Vectors.self_provided(),
        replication_config=Configure.replication(factor=copies),
    )
    written = collection.with_consistency_level(ConsistencyLevel.ALL)
    ids = [
        str(written.data.insert({"text": f"thing {number}"}, vector=[float(number), 1.0]))
        for number in range(OBJECTS)
    ]
    assert len(set(ids)) == OBJECTS
    return ids


class Reader:
    """It reads one object by its id, or by words, or by a vector; each time by a new connection."""

    def __init__(self, url: str, ids: list[str]) -> None:
        self._url = url
        self._ids = itertools.cycle(enumerate(ids))
        self._ways = itertools.cycle((self._by_id, self._by_words, self._by_vector))
        self._lock = threading.Lock()
        self.cut = 0
        """Connections that ended under a read, which was answered by another one at once."""

    def read(self) -> None:
        with self._lock:
            number, uuid = next(self._ids)
            way = next(self._ways)
        try:
            way(number, uuid)
        except httpx.TransportError:
            way(number, uuid)
            with self._lock:
                self.cut += 1

    def _by_id(self, number: int, uuid: str) -> None:
        path = f"/v1/objects/Copied/{uuid}"
        answer = httpx.get(f"{self._url}{path}", params={"consistency_level": "ONE"}, timeout=20)
        answer.raise_for_status()
        if answer.json()["properties"]["text"] != f"thing {number}":
            raise RuntimeError("another object than asked for")

    def _by_words(self, number: int, uuid: str) -> None:
        self._search(f'bm25: {{query: "thing {number}"}}')

    def _by_vector(self, number: int, uuid: str) -> None:
        self._search(f"nearVector: {{vector: [{number}.0, 1.0]}}")

    def _search(self, what: str) -> None:
        query = f"{{ Get {{ Copied({what}, limit: 3, consistencyLevel: ONE) {{ text }} }} }}"
        answer = httpx.post(f"{self._url}/v1/graphql", json={"query": query}, timeout=20)
        answer.raise_for_status()
        body = answer.json()
        if body.get("errors"):
            raise RuntimeError(body["errors"][0]["message"])
        if len(body["data"]["Get"]["Copied"]) != 3:
            raise RuntimeError("too few objects")


class Load:
    """READERS read without a pause; `take` says what they met since the last time."""

    def __init__(self, reader: Reader, searching: list[Searching]) -> None:
        self._reader = reader
        self._searching = searching

    def take(self) -> tuple[list[Report], int]:
        """Return the reports of the readers, and how many reads had their connection cut."""
        cut, self._reader.cut = self._reader.cut, 0
        return [one.take() for one in self._searching], cut


@pytest.fixture(scope="module")
def story(operator: Kube, resource: str) -> Iterator[Story]:
    story = Story(operator, "weaviate-nodes", Path())
    story.open()
    manifest = yaml.safe_load(resource.replace("VERSION", OLD))
    manifest["spec"]["inference"]["replicas"] = 1
    story.kube.run("apply", "-n", story.namespace, "-f", "-", stdin=yaml.safe_dump(manifest))
    story.wait_ready(NAME)
    yield story
    story.close()


@pytest.fixture(scope="module")
def url(story: Story) -> str:
    service = story.kube.get("service", f"{NAME}-weaviate", "-n", story.namespace)["spec"]
    return f"http://{service['clusterIP']}:{service['ports'][0]['port']}"


def members(url: str) -> set[str]:
    """Return the nodes that Weaviate calls healthy."""
    nodes = httpx.get(f"{url}/v1/nodes", timeout=20).json().get("nodes") or []
    return {node["name"] for node in nodes if node["status"] == "HEALTHY"}


def test_one_node_becomes_three_and_keeps_what_it_has(story: Story, url: str) -> None:
    with story.client(NAME) as client:
        make_texts(client, "Before", copies=1)
    story.patch(NAME, {"weaviate": {"replicas": NODES}})
    story.wait_ready(NAME, ROLLOUT_S)
    until(lambda: members(url) == {f"{NAME}-weaviate-{n}" for n in range(NODES)}, 60, "all are members")
    with story.client(NAME) as client:
        assert client.collections.get("Before").aggregate.over_all(total_count=True).total_count == OBJECTS


@pytest.fixture(scope="module")
def ids(story: Story) -> list[str]:
    with story.client(NAME) as client:
        return make_texts(client, "Copied", copies=NODES)


@pytest.fixture(scope="module")
def load(url: str, ids: list[str]) -> Iterator[Load]:
    reader = Reader(url, ids)
    with ExitStack() as stack:
        yield Load(
            reader, [stack.enter_context(Searching(reader.read, pause_s=0.02)) for _ in range(READERS)]
        )


def all_ready(story: Story) -> bool:
    pods = story.pods(NAME, "weaviate")
    return len(pods) == NODES and all(
        any((c["type"], c["status"]) == ("Ready", "True") for c in pod["status"].get("conditions", []))
        for pod in pods
    )


def kill_weaviate(pod: str) -> None:
    """Kill the process of a pod as the kernel would: nobody is told before, and no hook runs."""
    mark = f"CLUSTER_HOSTNAME={pod}\0".encode()
    killed = 0
    for environment in Path("/proc").glob("[0-9]*/environ"):
        # Most processes of the machine are none of a pod, or end meanwhile.
        with contextlib.suppress(OSError):
            if mark in environment.read_bytes():
                os.kill(int(environment.parent.name), signal.SIGKILL)
                killed += 1
    assert killed == 1


def restarts(story: Story) -> int:
    statuses = [one for pod in story.pods(NAME, "weaviate") for one in pod["status"]["containerStatuses"]]
    return sum(one["restartCount"] for one in statuses)


def test_a_process_that_dies_costs_reads_until_the_service_knows(
    story: Story, load: Load, results: Results
) -> None:
    """Nothing on the side of the server can save these; a client that goes on trying gets its answer."""
    load.take()
    for number in range(KILLS):
        before = restarts(story)
        kill_weaviate(f"{NAME}-weaviate-{number}")
        until(lambda before=before: restarts(story) > before, 60, "the container was started again")
        until(lambda: all_ready(story), 180, "all nodes are there again")
    reports, cut = load.take()
    results[OLD]["kills"] = {
        "killed": KILLS,
        "reads": sum(one.searches for one in reports),
        "failed": sum(one.failed for one in reports),
        "cut": cut,
        "away_s": round(max(one.away_s for one in reports), 1),
    }
    assert sum(one.searches for one in reports) > 100
    errors = [error for one in reports for error in one.errors]
    assert [error for error in errors if not error.startswith(TRANSPORT)] == []
    assert max(one.away_s for one in reports) < AWAY_S


def test_a_pod_deleted_by_force_costs_no_read(story: Story, load: Load, results: Results) -> None:
    load.take()
    for number in range(KILLS):
        story.kubectl("delete", "pod", f"{NAME}-weaviate-{number}", "--force", "--grace-period=0")
        until(lambda: all_ready(story), 180, "all nodes are there again")
    reports, cut = load.take()
    results[OLD]["deaths"] = {
        "killed": KILLS,
        "reads": sum(one.searches for one in reports),
        "failed": sum(one.failed for one in reports),
        "cut": cut,
    }
    assert sum(one.searches for one in reports) > 100
    assert [error for one in reports for error in one.errors] == []
    # Only what the dead one was working on.
    assert cut <= KILLS * READERS


def test_a_rolling_upgrade_costs_no_read_and_cuts_none(story: Story, load: Load, results: Results) -> None:
    load.take()
    story.patch(NAME, {"weaviate": {"version": NEW}})
    story.wait_ready(NAME, ROLLOUT_S)
    reports, cut = load.take()
    results[NEW]["rolling"] = {
        "reads": sum(one.searches for one in reports),
        "failed": sum(one.failed for one in reports),
        "cut": cut,
    }
    assert sum(one.searches for one in reports) > 100
    assert [error for one in reports for error in one.errors] == []
    assert cut == 0


def test_afterwards_each_node_has_every_object(story: Story, url: str) -> None:
    with story.client(NAME) as client:
        collection = client.collections.get("Copied").with_consistency_level(ConsistencyLevel.ALL)
        found = list(collection.iterator(return_metadata=MetadataQuery(is_consistent=True)))
    assert len(found) == OBJECTS


def test_fewer_nodes_are_refused_with_the_reason(story: Story) -> None:
    story.patch(NAME, {"weaviate": {"replicas": 2}})
    condition = story.wait_reason(NAME, "ChangeNeedsConsent", 30)
    assert "from 3 to 2 replicas" in condition.message
    assert "stay members of the RAFT cluster" in condition.message
    stateful = story.kube.get("statefulset", f"{NAME}-weaviate", "-n", story.namespace)
    assert stateful["spec"]["replicas"] == NODES
    story.patch(NAME, {"weaviate": {"replicas": NODES}})
    story.wait_ready(NAME)
