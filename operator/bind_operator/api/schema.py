"""The pydantic models become the structural schema that a CustomResourceDefinition takes."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from bind_operator.api.base import PROFILED
from bind_operator.api.rules import Rule

Schema = dict[str, Any]


def build_schema(model: type[BaseModel], rules: tuple[Rule, ...]) -> Schema:
    """Return the structural schema of `model` with `rules` at their places.

    Raises KeyError if a rule names a place that the schema does not have.
    """
    source = model.model_json_schema(by_alias=True)
    schema = _structural(source, source.get("$defs", {}))
    for rule in rules:
        _attach(schema, rule)
    return schema


def _structural(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> Schema:
    """Return `node` with references inlined, null branches dropped and defaults filled in for objects."""
    node = _resolve(node, definitions)
    kept = ("type", "description", "default", "enum", "pattern", "format", "minimum", "maximum")
    schema: Schema = {key: node[key] for key in kept if key in node}
    schema |= {key: value for key, value in node.items() if key.startswith(("x-kubernetes-", "max", "min"))}
    if "const" in node:
        schema["enum"] = [node["const"]]
    if "properties" in node:
        schema["properties"] = {
            name: _structural(child, definitions) for name, child in node["properties"].items()
        }
        if node.get("required"):
            schema["required"] = node["required"]
    if "items" in node:
        schema["items"] = _structural(node["items"], definitions)
    if isinstance(node.get("additionalProperties"), dict):
        schema["additionalProperties"] = _structural(node["additionalProperties"], definitions)
    if schema.get("default", ...) is None:
        del schema["default"]
    if node.get(PROFILED):
        default = json.dumps(schema.pop("default"))
        schema["description"] += f" Unset: what the profile says, else {default}."
    return schema


def _resolve(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """Return `node` with its reference or its single non-null branch merged in; its own keys win."""
    if "$ref" in node:
        target = definitions[node["$ref"].removeprefix("#/$defs/")]
        own = {key: value for key, value in node.items() if key != "$ref"}
        merged = _resolve(target, definitions) | own
        # The API server fills in nested defaults only below an object that is there.
        if "default" not in own and _is_all_default(target):
            merged["default"] = {}
        return merged
    branches = [branch for branch in node.get("anyOf", []) if branch.get("type") != "null"]
    if len(branches) == 1:
        own = {key: value for key, value in node.items() if key != "anyOf"}
        return _resolve(branches[0], definitions) | own
    return dict(node)


def _is_all_default(target: Mapping[str, Any]) -> bool:
    return "properties" in target and not target.get("required")


def _attach(schema: Schema, rule: Rule) -> None:
    """Add `rule` to the node that it names."""
    node = schema
    for name in filter(None, rule.at.split(".")):
        node = node["properties"][name]
    entry = {"rule": rule.cel, "message": rule.message}
    if rule.field_path:
        entry["fieldPath"] = rule.field_path
    node.setdefault("x-kubernetes-validations", []).append(entry)
