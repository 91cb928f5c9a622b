"""The schema is structural: what the API server demands of one, checked without an API server."""

from collections.abc import Iterator
from typing import Any

import pytest

from bind_operator.api.crd import build_crd
from bind_operator.api.rules import RULES, Rule
from bind_operator.api.schema import build_schema
from bind_operator.api.spec import BindVectorizer

ROOT = build_crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def nodes(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from nodes(schema[key], f"{path}[]")


@pytest.mark.parametrize(
    ("path", "node"), list(nodes(ROOT)), ids=lambda value: value if isinstance(value, str) else ""
)
def test_node_is_structural(path: str, node: dict[str, Any]) -> None:
    assert "type" in node or node.get("x-kubernetes-int-or-string"), path
    assert not {"$ref", "$defs", "anyOf", "title", "const", "nullable"} & set(node), path
    assert node.get("default", 0) is not None, path


def test_fields_are_described_and_objects_below_spec_are_filled_in() -> None:
    spec = ROOT["properties"]["spec"]
    for path, node in nodes(spec):
        is_field = path.rpartition(".")[2] and not path.endswith("[]")
        assert node.get("description") or not is_field, path
    assert spec["properties"]["inference"]["properties"]["model"]["default"] == {}
    assert "default" not in spec["properties"]["gpu"]
    assert "default" not in spec


def test_strings_maps_and_lists_are_bounded_for_cel() -> None:
    for path, node in nodes(ROOT["properties"]["spec"]):
        kind = node.get("type")
        if kind == "string" and "enum" not in node:
            assert "maxLength" in node, path
        if kind == "array":
            assert "maxItems" in node, path
        if kind == "object" and "additionalProperties" in node:
            assert "maxProperties" in node, path


def test_all_rules_are_attached() -> None:
    attached = [rule for _, node in nodes(ROOT) for rule in node.get("x-kubernetes-validations", [])]
    assert sorted(rule["message"] for rule in attached) == sorted(rule.message for rule in RULES)


def test_a_rule_at_no_field_is_an_error() -> None:
    with pytest.raises(KeyError):
        build_schema(BindVectorizer, (Rule("lost", "spec.nowhere", "true", "spec.nowhere is; remove it"),))


def test_the_resource_is_in_no_category() -> None:
    """`kubectl delete all --all` would delete databases."""
    assert "categories" not in build_crd()["spec"]["names"]
