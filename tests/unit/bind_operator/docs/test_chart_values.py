"""The comments of a values.yaml become its schema and its page."""

import json
from typing import Any

import pytest

from bind_operator.docs.chart_schema import build_values_schema, typed
from bind_operator.docs.chart_values import UnclearValue, read_values
from bind_operator.docs.reference import build_values_reference

TEXT = """\
# What this section is about.
gate:
  # A reason that is no description.
  # -- (integer from 1 to 20) How often it is tried,
  # over two lines
  retries: 3
  # -- Free | or not
  resources: {a: 1}
# -- (map of texts) Labels
labels: {}
"""


def properties(text: str) -> Any:
    return json.loads(build_values_schema("c", read_values(text)))["properties"]


def test_a_value_has_path_default_type_and_description() -> None:
    retries, resources, labels = read_values(TEXT)
    assert (retries.name, retries.default, retries.type) == ("gate.retries", 3, "integer from 1 to 20")
    assert retries.description == "How often it is tried, over two lines"
    assert (resources.path, resources.default) == (("gate", "resources"), {"a": 1})
    assert labels.name == "labels"


def test_a_group_takes_its_values_and_no_others() -> None:
    gate = properties(TEXT)["gate"]
    assert gate["additionalProperties"] is False
    assert gate["properties"] == {
        "retries": {
            "type": "integer",
            "minimum": 1,
            "maximum": 20,
            "description": "How often it is tried, over two lines",
        },
        "resources": {"type": "object", "description": "Free | or not"},
    }


@pytest.mark.parametrize(
    ("comment", "default", "schema"),
    [
        ("Text", "true", {"type": "boolean"}),
        ("Text", "0", {"type": "integer", "minimum": 0}),
        ("Text", "a", {"type": "string"}),
        ("(integer from 1) Text", "1", {"type": "integer", "minimum": 1}),
        ("(A, B or C) Text", "A", {"enum": ["A", "B", "C"]}),
        ("(pull policy) Text", "Never", {"enum": ["Always", "IfNotPresent", "Never"]}),
    ],
)
def test_types(comment: str, default: str, schema: Any) -> None:
    (value,) = read_values(f"# -- {comment}\nx: {default}\n")
    assert typed(value)[1] == schema


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: {b: 1}\n", "a.b is not described"),
        ("# Only a remark.\na: 1\n", "a is not described"),
        ("# -- Text\n\na: 1\n", "a is not described"),
        ("# -- (int) Text\na: 1\n", r"a: there is no type \(int\)"),
        ("# -- Text\na: []\n", "a: its default shows no type"),
        ("# -- Text\na:\n", "a: its default shows no type"),
    ],
)
def test_what_is_unclear_is_named(text: str, message: str) -> None:
    with pytest.raises(UnclearValue, match=message):
        build_values_schema("c", read_values(text))


def test_the_page_has_a_row_for_each_value() -> None:
    lines = build_values_reference("c", read_values(TEXT)).splitlines()
    assert lines[-3:] == [
        "| `gate.retries` | integer from 1 to 20 | `3` | How often it is tried, over two lines |",
        r'| `gate.resources` | object | `{"a": 1}` | Free \| or not |',
        "| `labels` | map of texts | `{}` | Labels |",
    ]
