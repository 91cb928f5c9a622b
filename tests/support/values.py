"""Reads a chart's values and schema, path by path."""

import functools
import json
from collections.abc import Iterator
from typing import Any

import yaml

from bind_operator.docs.chart_values import ChartValue, read_values
from bind_operator.docs.generate import read_upstream
from bind_operator.docs.upstream_values import taken_values
from support.charts import CHARTS

Path = tuple[str, ...]


@functools.cache
def values(chart: str) -> dict[str, Any]:
    """Return the values of a chart."""
    read: dict[str, Any] = yaml.safe_load((CHARTS / chart / "values.yaml").read_text())
    return read


@functools.cache
def described(chart: str) -> tuple[ChartValue, ...]:
    """Return the values of a chart as its comments describe them. Raises UnclearValue."""
    return read_values((CHARTS / chart / "values.yaml").read_text())


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


def groups(chart: str) -> list[Path]:
    """Return the paths of the maps whose keys the chart decides: those above a described value."""
    return sorted({value.path[:size] for value in described(chart) for size in range(len(value.path))})


@functools.cache
def taken(chart: str) -> frozenset[Path]:
    """Return the paths, and maps above them, of what a chart takes beside its own values: its upstream's."""
    upstream = read_upstream(chart)
    paths = [value.path for value in taken_values(upstream)] if upstream else []
    return frozenset(path[:size] for path in paths for size in range(1, len(path) + 1))


def at(tree: dict[str, Any], path: Path) -> Any:
    """Return what is in `tree` at `path`. Raises KeyError if there is nothing."""
    return functools.reduce(lambda node, key: node[key], path, tree)


def in_schema(chart: str, path: Path) -> dict[str, Any]:
    """Return what the schema says of the value or map at `path`. Raises KeyError if it knows none."""
    found: dict[str, Any] = functools.reduce(lambda node, key: node["properties"][key], path, schema(chart))
    return found
