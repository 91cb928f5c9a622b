"""Every field of the resource reaches the values of the release: another value renders something else."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bind_operator.api.crd import build_crd
from bind_operator.api.spec import BindVectorizer
from bind_operator.release.chart import Chart
from bind_operator.release.values import render_values
from bind_operator.settings import Images
from support.resources import merged

CHART = Chart(Path("/nowhere"), "weaviate-bind", "0.1.0", {}, "")
HEEDED_BY_THE_OPERATOR = {
    "profile",
    "suspend",
    "deletionPolicy",
    "takeoverPolicy",
    "driftDetection.mode",
    "driftDetection.ignore",
    "remediation.rollback",
    "inference.autoscaling.sleepAfterSeconds",
    "delivery",
    "render.output",
    "values",
    "valuesFrom",
    "weaviate.backup.schedule",
    "weaviate.backup.suspend",
    "weaviate.backup.include",
    "weaviate.backup.exclude",
    "weaviate.backup.compressionLevel",
    "weaviate.backup.cpuPercentage",
    "weaviate.restoreFrom.id",
    "weaviate.restoreFrom.name",
    "weaviate.restoreFrom.namespace",
    "weaviate.expose.gateway.tls",
}
SPEC = build_crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]

Place = tuple[str, ...]


def fields(schema: dict[str, Any], path: Place = ()) -> Iterator[tuple[Place, dict[str, Any]]]:
    """Yield every field that holds no other fields by name, with its schema."""
    for name, child in schema["properties"].items():
        if "properties" in child:
            yield from fields(child, (*path, name))
        else:
            yield (*path, name), child


def variants(schema: dict[str, Any]) -> list[Any]:
    """Return values of a field, each another one."""
    if "enum" in schema:
        return list(schema["enum"])
    if schema.get("x-kubernetes-int-or-string"):
        return ["1Gi", "2Gi"]
    if schema.get("x-kubernetes-preserve-unknown-fields") and "properties" not in schema:
        return [{"a": 1}, {"b": 1}]
    match schema["type"]:
        case "boolean":
            return [True, False]
        case "integer":
            return [schema.get("minimum", 0), schema.get("minimum", 0) + 1]
        case "array":
            return [[one] for one in variants(schema["items"])]
        case "object" if "properties" in schema:
            return [_whole(schema, 0), _whole(schema, 1)]
        case "object":
            return [{"a": one} for one in variants(schema["additionalProperties"])]
    return ["a", "b"]


def _whole(schema: dict[str, Any], number: int) -> dict[str, Any]:
    return {name: variants(child)[number] for name, child in schema["properties"].items()}


def _render(path: Place, value: Any) -> str:
    """Return the values of a resource with a GPU, with `value` at `path` and what must stand beside it."""
    spec: dict[str, Any] = {"device": "CUDA", "gpu": {}, "inference": {"model": {"licenseAccepted": True}}}
    schema = SPEC
    for depth, name in enumerate(path):
        needed = {other: variants(schema["properties"][other])[0] for other in schema.get("required", [])}
        spec = merged(spec, _nested(path[:depth], needed))
        schema = schema["properties"][name]
    metadata = {"name": "t"}
    manifest = {"apiVersion": "bindvectorizer.dev/v1alpha1", "kind": "BindVectorizer", "metadata": metadata}
    spec = merged(spec, _nested(path, value))
    if spec["device"] == "CPU":
        del spec["gpu"]
    resource = BindVectorizer.model_validate(manifest | {"spec": spec})
    return render_values(resource, Images(), CHART).text


def _nested(path: Place, value: Any) -> Any:
    for name in reversed(path):
        value = {name: value}
    return value


FIELDS = {".".join(path): (path, schema) for path, schema in fields(SPEC)}


@pytest.mark.parametrize("name", sorted(set(FIELDS) - HEEDED_BY_THE_OPERATOR))
def test_a_field_reaches_the_values(name: str) -> None:
    path, schema = FIELDS[name]
    values = variants(schema)
    assert len({_render(path, value) for value in values}) == len(values)


def test_the_exceptions_are_fields() -> None:
    assert set(FIELDS) >= HEEDED_BY_THE_OPERATOR
