"""The status is written by a merge patch, which takes nothing away by itself."""

import pytest

from bind_operator.cluster.kube import replacement


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({}, {"a": 1}, {"a": 1}),
        ({"a": 1, "b": 2}, {"a": 1}, {"b": None}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1}}, {"a": {"c": None}}),
        ({"a": {"b": {"c": 1}}}, {"a": {"b": {"c": 1}}}, {}),
        ({"a": {"b": 1}}, {"a": [1]}, {"a": [1]}),
        ({"a": [{"b": 1}]}, {"a": [{}]}, {"a": [{}]}),
    ],
)
def test_what_is_absent_afterwards_is_taken_away(
    before: dict[str, object], after: dict[str, object], expected: dict[str, object]
) -> None:
    assert replacement(before, after) == expected
