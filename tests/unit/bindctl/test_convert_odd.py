"""`bindctl convert` goes on to answer, whatever stands in place of a value."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from bindctl.convert import conversion
from unit.bindctl.test_convert import COMPOSE, RICH, VALUES, convert, values

WEIRD = (None, 1, "${A:-b}", [1], {"a": 1})


def paths(node: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the path of each value below the root."""
    pairs = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in pairs:
        yield (*path, key)
        yield from paths(child, (*path, key))


@pytest.mark.parametrize("text", [COMPOSE, VALUES, values(**RICH)], ids=["compose", "values", "rich values"])
def test_no_value_makes_it_break(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be understood is named, refused or passed on; the program goes on to answer."""
    monkeypatch.setattr(conversion, "render_one", lambda *_: "")
    base = yaml.safe_load(text)
    for path in paths(base):
        for value in WEIRD:
            changed = copy.deepcopy(base)
            node = changed
            for part in path[:-1]:
                node = node[part]
            node[path[-1]] = value
            result = convert("-", text=json.dumps(changed))
            assert isinstance(result.exception, SystemExit | None), (path, value, result.exception)
