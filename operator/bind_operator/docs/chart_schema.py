"""The values of a chart become its values.schema.json: Helm refuses by it, and editors show it."""

import json
from collections.abc import Sequence
from typing import Any

from bind_operator.docs.chart_types import Schema, default_schema, group, type_schema
from bind_operator.docs.chart_values import ChartValue, UnclearValue


def build_values_schema(chart: str, values: Sequence[ChartValue]) -> str:
    """Return the text of the values.schema.json of `chart`. Raises UnclearValue."""
    # Helm adds `global` by itself.
    properties: Schema = {"global": {"type": "object"}}
    for value in values:
        _put(properties, value.path, typed(value)[1] | {"description": value.description})
    head = {"$schema": "http://json-schema.org/draft-07/schema#", "title": f"Values of chart {chart}"}
    return json.dumps(head | group(properties), indent=2, ensure_ascii=False) + "\n"


def typed(value: ChartValue) -> tuple[str, Schema]:
    """Return the name and the schema of the type of a value. Raises UnclearValue if it has none."""
    if not value.type:
        found = default_schema(value.default)
        if found is None:
            raise UnclearValue(f"{value.name}: its default shows no type; write `# -- (type) …` above it")
        return found
    schema = type_schema(value.type)
    if schema is None:
        raise UnclearValue(f"{value.name}: there is no type ({value.type}); add it to chart_types.py")
    return value.type, schema


def _put(properties: dict[str, Any], path: Sequence[str], schema: Schema) -> None:
    """Put `schema` at `path`, in groups that are made where they are not there yet."""
    *above, last = path
    for name in above:
        properties = properties.setdefault(name, group({}))["properties"]
    properties[last] = schema
