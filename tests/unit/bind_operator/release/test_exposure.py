"""What leads clients from outside to Weaviate's Services, among the values of a release."""

from pathlib import Path
from typing import Any

import yaml

from bind_operator.api import parse_resource
from bind_operator.release.chart import Chart
from bind_operator.release.values import render_values
from bind_operator.settings import Images
from support.resources import merged, tiny_resource

CHART = Chart(Path("/nowhere"), "weaviate-bind", "0.1.0", {}, "chart-digest")

SCHEME = {"traefik.ingress.kubernetes.io/service.serversscheme": "h2c"}
BOTH = {"example.com/of": "both"}


def services(grpc: dict[str, Any]) -> tuple[Any, Any]:
    ingress = {"http": {"host": "a.example.com"}, "grpc": {"host": "a.example.com", **grpc}}
    weaviate = {"expose": {"ingress": ingress}, "service": {"annotations": BOTH}}
    resource = parse_resource(merged(tiny_resource("t"), {"spec": {"weaviate": weaviate}}))
    values = yaml.safe_load(render_values(resource, Images(), CHART).text)
    assert values["ingress"]["grpc"] == {"host": "a.example.com", "tlsSecretName": "", "annotations": {}}
    return values["service"]["annotations"], values["grpcService"]["annotations"]


def test_the_service_of_grpc_alone_says_its_protocol() -> None:
    assert services({"serviceAnnotations": SCHEME}) == (BOTH, BOTH | SCHEME)


def test_without_it_both_are_annotated_alike() -> None:
    assert services({}) == (BOTH, BOTH)
