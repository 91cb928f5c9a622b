"""Reads a chart's values file and schema, path by path."""

import functools
import json
from collections.abc import Iterator
from typing import Any

import yaml

from support.charts import CHARTS

Path = tuple[str, ...]


@functools.cache
def values(chart: str) -> dict[str, Any]:
    """Return the values of a chart."""
    read: dict[str, Any] = yaml.safe_load((CHARTS / chart / "values.yaml").read_text())
    return read


@functools.cache
def schema(chart: str) -> dict[str, Any]:
    """Return the schema of a chart's values."""
    read: dict[str, Any] = json.loads((CHARTS / chart / "values.schema.json").read_text())
    return read


def leaves(tree: dict[str, Any], path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield every path that ends in a scalar, a list or an empty map, with its value."""
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key), value


@functools.cache
def documented(chart: str) -> set[Path]:
    """Return the paths that follow a `# --` comment in the values file."""
    found: set[Path] = set()
    stack: list[tuple[int, str]] = []
    described = False
    for line in (CHARTS / chart / "values.yaml").read_text().splitlines():
        text = line.strip()
        if text.startswith("#"):
            described = described or text.startswith("# --")
            continue
        if not text or text.startswith("- ") or ":" not in text:
            described = False
            continue
        indent = len(line) - len(line.lstrip())
        stack = [*(item for item in stack if item[0] < indent), (indent, text.split(":", 1)[0])]
        if described:
            found.add(tuple(key for _, key in stack))
        described = False
    return found


def groups(chart: str) -> list[Path]:
    """Return the paths of the maps whose keys the chart decides: those above a documented path."""
    return sorted({path[:size] for path in documented(chart) for size in range(len(path))})


def in_schema(chart: str, path: Path) -> dict[str, Any]:
    """Return what the schema says of the map at `path`. Raises KeyError if the schema knows no such map."""
    node = schema(chart)
    for key in path:
        node = _resolve(chart, node["properties"][key])
    return node


def _resolve(chart: str, node: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in node:
        return node
    found: Any = schema(chart)
    for key in node["$ref"].removeprefix("#/").split("/"):
        found = found[key]
    return _resolve(chart, found)
