"""Clients outside of the cluster: Ingresses and routes lead to the ports of Services that are there."""

from pathlib import Path
from typing import Any

import pytest

from support.charts import CHARTS, RELEASE, Manifest, pick, refusal, render

CI = CHARTS / "weaviate-bind" / "ci"
TINY = ("--set", "modules.multi2vec-bind.model.name=Tiny")
GRPC = ["weaviate.v1.Weaviate", "grpc.health.v1.Health"]


def scenario(name: str) -> list[Manifest]:
    return render("weaviate-bind", "--values", Path(CI, f"{name}-values.yaml"))


def paths(ingress: Manifest) -> dict[str, Any]:
    """Return the Service and the port by each path."""
    (rule,) = ingress["spec"]["rules"]
    return {
        one["path"]: (one["backend"]["service"]["name"], one["backend"]["service"]["port"]["name"])
        for one in rule["http"]["paths"]
    }


def test_by_default_nothing_is_reached_from_outside() -> None:
    kinds = {item["kind"] for item in render("weaviate-bind", *TINY)}
    assert not kinds & {"Ingress", "HTTPRoute", "GRPCRoute"}


def test_one_host_name_serves_both_apis() -> None:
    objects = scenario("ingress")
    http, grpc = pick(objects, "Ingress", "weaviate"), pick(objects, "Ingress", "weaviate-grpc")
    for ingress in (http, grpc):
        assert ingress["spec"]["ingressClassName"] == "nginx"
        assert ingress["spec"]["tls"] == [{"hosts": ["search.example.com"], "secretName": "search-tls"}]
        assert ingress["spec"]["rules"][0]["host"] == "search.example.com"
    assert paths(http) == {"/": (f"{RELEASE}-weaviate", "http")}
    assert paths(grpc) == {f"/{service}": (f"{RELEASE}-weaviate-grpc", "grpc") for service in GRPC}
    assert grpc["metadata"]["annotations"] == {"nginx.ingress.kubernetes.io/backend-protocol": "GRPC"}


def test_a_host_name_of_its_own_serves_all_paths() -> None:
    settings = (
        "--set",
        "ingress.grpc.host=grpc.example.com",
        "--set",
        "ingress.http.host=search.example.com",
    )
    grpc = pick(render("weaviate-bind", *TINY, *settings), "Ingress", "weaviate-grpc")
    assert paths(grpc) == {"/": (f"{RELEASE}-weaviate-grpc", "grpc")}
    assert "tls" not in grpc["spec"]
    assert "ingressClassName" not in grpc["spec"]


def test_routes_lead_from_the_gateway_to_the_services() -> None:
    objects = scenario("gateway")
    http, grpc = pick(objects, "HTTPRoute", "weaviate"), pick(objects, "GRPCRoute", "weaviate-grpc")
    for route, host in ((http, "search.example.com"), (grpc, "grpc.search.example.com")):
        assert route["spec"]["parentRefs"] == [
            {"name": "public", "namespace": "gateways", "sectionName": "https"}
        ]
        assert route["spec"]["hostnames"] == [host]
    (rule,) = grpc["spec"]["rules"]
    assert [match["method"]["service"] for match in rule["matches"]] == GRPC
    for route, name in ((http, "weaviate"), (grpc, "weaviate-grpc")):
        (backend,) = route["spec"]["rules"][0]["backendRefs"]
        service = pick(objects, "Service", name)
        assert backend["name"] == service["metadata"]["name"]
        assert backend["port"] in [port["port"] for port in service["spec"]["ports"]]


@pytest.mark.parametrize("name", ["ingress", "gateway"])
def test_a_weaviate_elsewhere_has_neither(name: str) -> None:
    values = ("--values", Path(CI, f"{name}-values.yaml"), "--set", "gate.mode=Deployment")
    kinds = {item["kind"] for item in render("weaviate-bind", *values)}
    assert not kinds & {"Ingress", "HTTPRoute", "GRPCRoute"}


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ("gateway.httpHost=a.b", "gateway.parentRefs names no Gateway"),
        ("gateway.parentRefs[0].name=public", "neither gateway.httpHost nor gateway.grpcHost is set"),
        (
            "gateway.parentRefs[0].name=public,gateway.httpHost=a.b,gateway.grpcHost=a.b",
            "give gRPC a name of its own",
        ),
        ("ingress.grpc.host=a.b,grpcService.enabled=false", "grpcService.enabled is false"),
        ("ingress.http.host=https://a.b", "ingress"),
    ],
)
def test_what_cannot_work_is_refused(settings: str, says: str) -> None:
    assert says in refusal("weaviate-bind", *TINY, "--set", settings)
