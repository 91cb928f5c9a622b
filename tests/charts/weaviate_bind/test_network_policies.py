"""Who reaches whom under the release's network policies, which are evaluated here and enforced nowhere."""

import json
from typing import Any

import pytest

from support.charts import NAMESPACE, Manifest, refusal, render
from support.network_policies import Pod, allows, pods_of

TINY = ("--set", "modules.multi2vec-bind.model.name=Tiny")
NAME = "kubernetes.io/metadata.name"


def in_namespace(name: str) -> dict[str, Any]:
    return {"namespaceSelector": {"matchLabels": {NAME: name}}}


APP = Pod({"app": "search"}, "apps")
STRANGER = Pod({"app": "other"}, "elsewhere")
NEIGHBOUR = Pod({"app": "other"}, NAMESPACE)
PROMETHEUS = Pod({"app": "prometheus"}, "monitoring")
OPERATOR = Pod({"app": "operator"}, "bind-system")
DNS = Pod({"k8s-app": "kube-dns"}, "kube-system")
INTERNET = Pod(address="198.51.100.7")
BUCKET = Pod(address="203.0.113.9")
NAMED: dict[str, Any] = {
    "clients": [in_namespace("apps")],
    "monitoring": [in_namespace("monitoring")],
    "operator": [in_namespace("bind-system")],
}


def release(policy: dict[str, Any], *arguments: str) -> list[Manifest]:
    return render("weaviate-bind", *TINY, "--set-json", f"networkPolicy={json.dumps(policy)}", *arguments)


def reached(objects: list[Manifest], source: Pod) -> set[str]:
    """Return `component:port` of all that `source` reaches in the release, raft's ports among them."""
    found = set()
    for component, pod in pods_of(objects).items():
        ports = pod.ports | ({"raft": 8300, "rpc": 8301} if component == "weaviate" else {})
        found |= {f"{component}:{name}" for name, port in ports.items() if allows(objects, source, pod, port)}
    return found


def test_by_default_only_the_gate_reaches_the_servers_and_only_nodes_each_other() -> None:
    objects = render("weaviate-bind", *TINY)
    pods = pods_of(objects)
    for anybody in (STRANGER, NEIGHBOUR, INTERNET):
        assert reached(objects, anybody) == {"weaviate:http", "weaviate:grpc"}
    assert "inference:http" in reached(objects, pods["weaviate"])
    assert {"weaviate:gossip", "weaviate:data", "weaviate:raft", "weaviate:rpc"} <= reached(
        objects, pods["weaviate"]
    )
    # What a server died of they tell each other.
    assert reached(objects, pods["inference"]) >= {"inference:http"}
    assert "weaviate:raft" not in reached(objects, pods["inference"])


def test_named_clients_alone_reach_weaviate() -> None:
    objects = release(NAMED)
    assert reached(objects, APP) == {"weaviate:http", "weaviate:grpc"}
    for other in (STRANGER, NEIGHBOUR, INTERNET):
        assert reached(objects, other) == set()
    pods = pods_of(objects)
    assert reached(objects, pods["test"]) == {"weaviate:http", "weaviate:grpc"}
    assert "inference:http" in reached(objects, pods["weaviate"])


def test_clients_may_be_addresses() -> None:
    block = {"ipBlock": {"cidr": "203.0.113.0/24", "except": ["203.0.113.128/25"]}}
    objects = release({"clients": [block]})
    assert reached(objects, BUCKET) == {"weaviate:http", "weaviate:grpc"}
    assert reached(objects, Pod(address="203.0.113.200")) == set()


def test_metrics_are_scraped_by_those_that_monitor() -> None:
    objects = release(NAMED, "--set", "serviceMonitor.enabled=true")
    assert reached(objects, PROMETHEUS) == {
        *("weaviate:metrics", "weaviate:gate-health", "weaviate:large-health"),
        "inference:http",
    }


def test_the_operator_reaches_what_it_asks() -> None:
    assert reached(release(NAMED), OPERATOR) == {"weaviate:http", "weaviate:gate-health", "inference:http"}


def test_a_gate_apart_is_asked_by_the_weaviate_that_is_named() -> None:
    apart = ("--set", "gate.mode=Deployment")
    objects = release(NAMED | {"weaviate": [in_namespace("apps")]}, *apart)
    assert reached(objects, APP) == {"gate:gate"}
    assert reached(objects, STRANGER) == set()
    assert reached(objects, OPERATOR) == {"gate:gate-health", "inference:http"}
    assert reached(objects, pods_of(objects)["gate"]) >= {"inference:http"}
    assert reached(release({}, *apart), STRANGER) == {"gate:gate"}


@pytest.mark.parametrize("component", ["weaviate", "inference"])
def test_where_the_way_out_is_restricted_there_is_the_dns_the_release_and_what_is_named(
    component: str,
) -> None:
    egress = {"egress": {"enabled": True, "destinations": [{"ipBlock": {"cidr": "203.0.113.0/24"}}]}}
    objects = release(NAMED | egress)
    pods = pods_of(objects)
    pod = pods[component]
    for port in (53, 5353):
        assert allows(objects, pod, DNS, port, "UDP")
        assert allows(objects, pod, DNS, port)
    assert allows(objects, pod, BUCKET, 443)
    for other in (INTERNET, APP, STRANGER):
        assert not allows(objects, pod, other, 443)
    assert allows(objects, pod, pods["inference"], 8080)
    assert allows(objects, pods["weaviate"], pods["weaviate"], 8300)


def test_else_pods_go_where_they_like() -> None:
    objects = release(NAMED)
    assert allows(objects, pods_of(objects)["inference"], INTERNET, 443)


def test_without_policies_everything_is_open() -> None:
    objects = release({"enabled": False})
    assert "inference:http" in reached(objects, STRANGER)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            (*TINY, "--set", "serviceMonitor.enabled=true"),
            "name in networkPolicy.monitoring where Prometheus",
        ),
        (
            ("--set", "networkPolicy.egress.enabled=true,modules.multi2vec-bind.model.licenseAccepted=true"),
            "could not reach where the weights are downloaded from",
        ),
        (
            (
                *("--set", "networkPolicy.egress.enabled=true,modules.multi2vec-bind.enabled=false"),
                *("--set", "modules.multi2vec-bind.inferenceUrl=http://imagebind.example.com"),
            ),
            "could not reach http://imagebind.example.com",
        ),
        (
            (
                *(*TINY, "--set", "networkPolicy.egress.enabled=true,gate.mode=Deployment"),
                *("--set", "gate.weaviate.url=http://weaviate.example.com"),
            ),
            "could not reach http://weaviate.example.com",
        ),
    ],
)
def test_a_policy_that_would_keep_the_release_from_working_is_refused(
    arguments: tuple[str, ...], says: str
) -> None:
    assert says in refusal("weaviate-bind", *arguments)
