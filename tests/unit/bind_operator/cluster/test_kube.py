"""What is written of a status is what differs, and what is gone from within a part of it goes."""

from typing import Any

import pytest

from bind_operator.cluster.kube import merge_patch

CASES: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "nothing new": ({"a": {"b": 1}}, {"a": {"b": 1}}, {}),
    "a new part": ({}, {"a": {"b": 1}}, {"a": {"b": 1}}),
    "a part that is gone": ({"a": {"b": 1}, "c": 1}, {"c": 1}, {"a": None}),
    "gone from within a part": ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1}}, {"a": {"c": None}}),
    "changed within a part": ({"a": {"b": 1, "c": 2}}, {"a": {"b": 3, "c": 2}}, {"a": {"b": 3}}),
    "lists are replaced": ({"a": [{"b": 1}]}, {"a": [{"c": 1}]}, {"a": [{"c": 1}]}),
    "another kind of value": ({"a": "text"}, {"a": {"b": 1}}, {"a": {"b": 1}}),
}


@pytest.mark.parametrize(("before", "after", "patch"), CASES.values(), ids=CASES)
def test_a_merge_patch(before: dict[str, Any], after: dict[str, Any], patch: dict[str, Any]) -> None:
    assert merge_patch(before, after) == patch
