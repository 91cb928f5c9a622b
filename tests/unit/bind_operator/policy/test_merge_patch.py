"""A patch makes of the one what the other is, by the API server's rule."""

from typing import Any

import pytest

from bind_operator.policy.merge_patch import merge_patch


def applied(target: Any, patch: Any) -> Any:
    """Return what RFC 7386 makes of `target` by `patch`."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = applied(result.get(name), value)
    return result


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {"a": 1}),
        ({"a": 1, "b": 2}, {"a": 1}),
        ({"a": {"x": 1, "y": 2}}, {"a": {"x": 3}}),
        ({"a": {"x": {"deep": 1}}, "b": [1]}, {"a": {"x": {}}, "b": [2]}),
        ({"a": {"x": 1}}, {"a": [1]}),
        ({"a": 1}, {"a": {"x": 1}}),
    ],
)
def test_what_comes_of_it(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert applied(before, merge_patch(before, after)) == after


def test_what_is_the_same_is_not_sent() -> None:
    same = {"a": {"x": [1, {"y": 2}]}}
    assert merge_patch(same, same) == {}
    assert merge_patch(same | {"b": 1}, same | {"b": 2}) == {"b": 2}
