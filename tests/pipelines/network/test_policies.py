"""Who reaches which port under the policies of the page, tried from each place by real connections."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from bind_demo.cluster.kube import Kube
from bind_local import topology as net
from support.connections import Caller, Ends, callers, ends_of, from_the_node, from_this_machine, inside
from support.on_cluster import OPERATOR_NAMESPACE
from support.pages import blocks
from support.story import Story
from support.things import make_collection, make_thing
from support.waiting import until

NAME = "walled"
OWN, SHOP, MONITORING = "network-policies", "shop", "monitoring"
PLACES = {
    "neighbour": (OWN, {"role": "neighbour"}),
    "client": (SHOP, {"role": "client"}),
    "prometheus": (MONITORING, {"role": "prometheus"}),
}
A_BUCKET = "203.0.113.0/24"
"""The page's own; this machine stands in for it."""
CLIENTS = {"http", "grpc", "http-service", "grpc-service"}
HEALTH = {"gate-health", "large-health"}
CHANGED_WITHIN_S = 30
"""The operator runs Helm, and then kube-router has to see it."""


@pytest.fixture(scope="module")
def story(operator: Kube) -> Iterator[Story]:
    with ExitStack() as stack:
        for namespace in (OWN, SHOP, MONITORING):
            one = Story(operator, namespace, Path(__file__).parent)
            one.open()
            stack.callback(one.close)
        story = Story(operator, OWN, Path(__file__).parent)
        story.apply("walled.yaml")
        (page,) = blocks("network-policies.md", "yaml")
        assert A_BUCKET in page
        policy = yaml.safe_load(page.replace(A_BUCKET, f"{net.HOST_IP}/32"))["spec"]
        story.patch(NAME, {"suspend": False, **policy})
        story.wait_ready(NAME)
        yield story


@pytest.fixture(scope="module")
def places(story: Story) -> dict[str, Caller]:
    return callers(story.kube, PLACES)


@pytest.fixture(scope="module")
def ends(story: Story) -> Ends:
    """The ports of one pod of each kind, and the Services that clients ask."""
    weaviate, server = story.pods(NAME, "weaviate")[0], story.pods(NAME, "inference")[0]
    found = ends_of(weaviate)
    address = weaviate["status"]["podIP"]
    del found["metrics"]  # nothing listens there unless a ServiceMonitor is wanted
    found |= {"raft": (address, 8300), "raft-rpc": (address, 8301), "vectors": ends_of(server)["http"]}
    for name, service in (("http-service", "weaviate"), ("grpc-service", "weaviate-grpc")):
        spec = story.kube.get("service", f"{NAME}-{service}", "-n", OWN)["spec"]
        found[name] = (spec["clusterIP"], spec["ports"][0]["port"])
    return found


@pytest.fixture(scope="module")
def operator_pod(story: Story) -> Caller:
    selector = "app.kubernetes.io/component=operator"
    (pod,) = story.kube.get("pods", "-n", OPERATOR_NAMESPACE, "-l", selector)["items"]
    return Caller(story.kube, OPERATOR_NAMESPACE, pod["metadata"]["name"])


@pytest.mark.parametrize(
    ("place", "reached"),
    [
        ("neighbour", set()),
        ("client", CLIENTS),
        ("prometheus", {*HEALTH, "vectors"}),
    ],
)
def test_pods_of_others(places: dict[str, Caller], ends: Ends, place: str, reached: set[str]) -> None:
    assert places[place].reaches(ends) == reached


def test_the_operator(operator_pod: Caller, ends: Ends) -> None:
    assert operator_pod.reaches(ends) == {"http", "http-service", "gate-health", "vectors"}


def test_weaviate_s_other_node(story: Story, ends: Ends) -> None:
    other = inside(story.pods(NAME, "weaviate")[1])
    everything = set(ends)
    assert other.reaches(ends) == everything


def test_the_server(story: Story, ends: Ends) -> None:
    pod = story.pods(NAME, "inference")[1]["metadata"]["name"]
    assert Caller(story.kube, OWN, pod).reaches(ends) == {"vectors"}


def test_the_node_reaches_all_as_probes_must_and_this_machine_is_a_stranger(ends: Ends) -> None:
    assert from_the_node().reaches(ends) == set(ends)
    assert from_this_machine().reaches(ends) == set()


def test_of_the_operator_the_metrics_alone(
    places: dict[str, Caller], operator_pod: Caller, story: Story
) -> None:
    pod = story.kube.get("pod", operator_pod.name, "-n", OPERATOR_NAMESPACE)
    for place in places.values():
        assert place.reaches(ends_of(pod)) == {"metrics"}
    assert from_the_node().reaches(ends_of(pod)) == {"health", "metrics"}


def test_the_way_out_is_the_dns_the_release_and_what_is_named(
    story: Story, places: dict[str, Caller], ends: Ends
) -> None:
    server = Caller(story.kube, OWN, story.pods(NAME, "inference")[0]["metadata"]["name"])
    with socket.create_server((net.HOST_IP, 0)) as bucket:
        out: Ends = {
            "bucket": bucket.getsockname()[:2],
            "dns": (net.NODE_IP, 53),
            "api": (net.NODE_IP, net.API_PORT),
            "registry": (net.NODE_IP, net.REGISTRY_PORT),
            "vectors": ends["vectors"],
        }
        assert places["client"].reaches(out) == {"bucket", "dns", "api", "registry"}
        for pod in (server, inside(story.pods(NAME, "weaviate")[0])):
            assert pod.reaches(out) == {"bucket", "dns", "vectors"}
    # A name over UDP, as it is asked for, and not the address of anything.
    assert server.resolves(f"{NAME}-weaviate.{OWN}.svc.cluster.local")


def test_behind_the_walls_all_goes_on(story: Story) -> None:
    with story.client(NAME) as client:
        collection = make_collection(client, "Walled")
        for number in range(5):
            collection.data.insert(make_thing(number))
        assert len(collection.query.near_text("thing number 3", limit=2).objects) == 2
    resource = story.resource(NAME)
    assert resource["status"]["replicas"] == "2/2"
    assert story.condition(NAME, "Verified").reason == "Verified"
    pods = [*story.pods(NAME, "weaviate"), *story.pods(NAME, "inference")]
    assert {one["restartCount"] for pod in pods for one in pod["status"]["containerStatuses"]} == {0}


def test_another_client_is_named(story: Story, places: dict[str, Caller], ends: Ends) -> None:
    story.patch(
        NAME, {"networkPolicy": {"clients": [{"podSelector": {"matchLabels": {"role": "neighbour"}}}]}}
    )

    def changed() -> bool:
        return places["neighbour"].reaches(ends) == CLIENTS and places["client"].reaches(ends) == set()

    until(changed, CHANGED_WITHIN_S, "the neighbour is a client now, and the shop is none")


def test_without_policies_all_is_open(story: Story, places: dict[str, Caller], ends: Ends) -> None:
    story.patch(NAME, {"networkPolicy": {"enabled": False}})
    everything = set(ends)
    until(lambda: places["prometheus"].reaches(ends) == everything, CHANGED_WITHIN_S, "all is open")
