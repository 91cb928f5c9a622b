"""The real Weaviate at an address of IPv6, with the arguments and variables that the chart gives it."""

from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from integration.weaviate_process import PlayedInference, is_ready, started_weaviate
from support.charts import CHARTS, containers, env, pod_specs, render
from support.http_server import listening
from support.waiting import until

DUAL = CHARTS / "weaviate-bind" / "ci" / "dual-stack-values.yaml"
POD_IP = "::1"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the port of a Weaviate whose pod's address is ::1."""
    spec = pod_specs(render("weaviate-bind", "--values", DUAL))["StatefulSet/shop-weaviate"]
    weaviate = containers(spec)["weaviate"]
    host = weaviate["args"][weaviate["args"].index("--host") + 1]
    addresses = {
        name: POD_IP
        for name, value in env(weaviate).items()
        if value == {"fieldRef": {"fieldPath": "status.podIP"}}
    }
    with ExitStack() as stack:
        inference = stack.enter_context(listening(PlayedInference))
        folder = tmp_path_factory.mktemp("weaviate")
        address, _ = stack.enter_context(started_weaviate(folder, inference, more=addresses, host=host))
        until(lambda: is_ready(address), 60, lambda: (folder / "weaviate.log").read_text()[-3000:])
        yield address.rpartition(":")[2]


def test_it_is_reached_by_both_families(port: str) -> None:
    for host in ("[::1]", "127.0.0.1"):
        answer = httpx.get(f"http://{host}:{port}/v1/meta", timeout=10)
        assert "multi2vec-bind" in answer.json()["modules"]


def test_its_node_is_a_member_of_the_cluster_and_leads(port: str) -> None:
    """Gossip and RAFT work at an address of IPv6: else there would be no leader, and no collection made."""
    url = f"http://[::1]:{port}/v1"
    made = httpx.post(f"{url}/schema", json={"class": "Thing", "vectorizer": "none"}, timeout=30)
    assert made.status_code == 200, made.text
    stored = httpx.post(f"{url}/objects", json={"class": "Thing", "vector": [1.0, 0.0]}, timeout=30)
    assert stored.status_code == 200, stored.text
    (node,) = httpx.get(f"{url}/nodes", timeout=30).json()["nodes"]
    assert node["status"] == "HEALTHY"
