"""The reference pages are made from the schema and the settings."""

import json
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from bind_operator.api.crd import COLUMNS, WIDE_COLUMNS, build_crd
from bind_operator.api.identity import API_VERSION, KIND, SHORT_NAME
from bind_operator.api.rules import RULES
from bind_operator.docs.chart_schema import typed
from bind_operator.docs.chart_values import ChartValue
from bind_operator.reasons import Reason
from bind_operator.settings import Settings

INTRODUCTION = f"""\
`{API_VERSION}`, kind `{KIND}`, short name `{SHORT_NAME}`. Samples are in
[manifests/samples](../../manifests/samples). A default of an object's parts is written at the parts.
"""

LONGEST_DEFAULT = 500
"""A longer default is shown by its keys; the page links to the whole."""


def build_reference() -> str:
    """Return the page as Markdown."""
    root = build_crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    sections = [
        f"# {KIND}\n\n{INTRODUCTION}",
        "## Spec\n\n" + _table("Field | Type | Default | Description", _rows("spec", root["spec"])),
        "## Rules\n\nThe API server and `python -m bind_operator render` refuse a resource that breaks one "
        "of these.\n\n" + _table("Field | Says", ((f"`{rule.field}`", rule.message) for rule in RULES)),
        "## Status\n\n" + _table("Field | Type | Default | Description", _rows("status", root["status"])),
        "## Columns of kubectl get\n\n"
        + _table(
            "Column | From",
            chain(
                ((name.upper(), f"`{path}`") for name, _, path in COLUMNS),
                ((f"{name.upper()}, with -o wide", f"`{path}`") for name, _, path in WIDE_COLUMNS),
            ),
        ),
        "## Reasons\n\nConditions and events give one of these as their reason:\n"
        + ", ".join(f"`{reason}`" for reason in sorted(Reason))
        + ".\n",
    ]
    return "\n".join(sections)


def build_settings_reference() -> str:
    """Return the page of the operator's settings as Markdown."""
    return (
        "# Settings of the operator\n\nFlags of `python -m bind_operator run`, or environment variables "
        "(the chart's `extraEnv`). A part of a group is set by `BIND_OPERATOR_IMAGES__GATE__TAG` or "
        "`--images.gate.tag`.\n\n" + _table("Variable | Flag | Default | Description", _setting_rows())
    )


def build_values_reference(chart: str, values: Sequence[ChartValue]) -> str:
    """Return the page of a chart's values as Markdown. Raises UnclearValue."""
    return (
        f"# Values of chart {chart}\n\nWhat `helm install --set` takes, with "
        f"[its defaults](../../charts/{chart}/values.yaml) and types; Helm refuses all else.\n\n"
        + _table("Value | Type | Default | Description", map(_value_row, values))
    )


def _value_row(value: ChartValue) -> tuple[str, ...]:
    name, schema = typed(value)
    kind = _type(schema) if "enum" in schema else name
    default = json.dumps(value.default, ensure_ascii=False)
    shown = (
        f"`{default}`" if len(default) <= LONGEST_DEFAULT else ", ".join(f"`{key}`" for key in value.default)
    )
    return f"`{value.name}`", kind, shown, value.description


def _setting_rows() -> Iterator[tuple[str, ...]]:
    for name, field in Settings.model_fields.items():
        # A folder that depends on the machine is described in words.
        is_plain = field.default is not PydanticUndefined and not isinstance(field.default, BaseModel)
        default = f"`{json.dumps(field.default)}`" if is_plain else ""
        flag = f"`--{name.replace('_', '-')}`"
        yield f"`BIND_OPERATOR_{name.upper()}`", flag, default, field.description or ""


def _table(header: str, rows: Iterator[tuple[str, ...]]) -> str:
    names = header.split(" | ")
    lines = [" | ".join(names), " | ".join("---" for _ in names)]
    lines += [" | ".join(cell.replace("|", "\\|") for cell in row) for row in rows]
    return "".join(f"| {line} |\n" for line in lines)


def _rows(path: str, schema: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield a row for each field below `schema`, depth first."""
    for name, child in schema.get("properties", {}).items():
        field = f"{path}.{name}"
        yield f"`{field}`", _type(child), _default(child), child.get("description", "")
        yield from _rows(field, child)
        if "properties" in child.get("items", {}):
            yield from _rows(f"{field}[]", child["items"])


def _type(schema: dict[str, Any]) -> str:
    """Return the type in a reader's words, with the values or bounds that it has."""
    if schema.get("x-kubernetes-int-or-string"):
        return "quantity"
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    if schema["type"] == "array":
        return f"list of {_type(schema['items'])}"
    if schema["type"] == "object":
        inner = schema.get("additionalProperties")
        return f"map of {_type(inner)}" if inner else "object"
    if "minimum" in schema:
        return f"{schema['type']}, {schema['minimum']} to {schema['maximum']}"
    return str(schema["type"])


def _default(schema: dict[str, Any]) -> str:
    return f"`{json.dumps(schema['default'])}`" if schema.get("default") not in (None, {}) else ""
