"""A message that names a field names one that there is, so that a reader finds what to change."""

import re
from typing import Any

import pytest

from bind_operator.api.crd import COLUMNS, build_crd
from bind_operator.api.rules import RULES
from bind_operator.policy.diagnosis import LIMIT_FIELDS

SCHEMA = build_crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
MESSAGES = {rule.name: rule.message for rule in RULES} | {
    f"limits of {c}": f for c, f in LIMIT_FIELDS.items()
}


def has(path: str) -> bool:
    node: Any = SCHEMA
    for name in path.split("."):
        node = node.get("properties", {}).get(name) or node.get("additionalProperties")
        if node is None:
            return False
    return True


@pytest.mark.parametrize("name", MESSAGES)
def test_the_fields_of_a_message_are_there(name: str) -> None:
    named = re.findall(r"\bspec(?:\.[A-Za-z][A-Za-z0-9]*)+", MESSAGES[name])
    assert [path for path in named if not has(path)] == []


@pytest.mark.parametrize("path", [path for _, _, path in COLUMNS if "status" in path])
def test_the_fields_of_a_column_are_there(path: str) -> None:
    assert has(path.removeprefix(".").partition("[")[0])
