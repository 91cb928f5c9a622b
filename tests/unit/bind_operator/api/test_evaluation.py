"""The rules' one text is judged offline as the API server judges it."""

from typing import Any

import pytest

from bind_operator.api import evaluation, parse_resource
from bind_operator.api.evaluation import holds
from bind_operator.api.rules import RULES, Rule
from bind_operator.errors import InvalidSpec
from support.resources import BREACHES, CHANGES, merged, tiny_resource

BY_NAME = {rule.name: rule for rule in RULES}


def node(rule: Rule, patch: dict[str, Any]) -> Any:
    found: Any = parse_resource(merged(tiny_resource("t"), patch)).model_dump(
        mode="json", by_alias=True, exclude_none=True
    )
    for name in rule.at.split("."):
        found = found[name]
    return found


@pytest.mark.parametrize("name", CHANGES)
def test_a_transition_rule_compares_with_what_was_there(name: str) -> None:
    rule = BY_NAME[name]
    before, after = (node(rule, patch) for patch in CHANGES[name])
    assert holds(rule, before, before)
    assert not holds(rule, after, before)


@pytest.mark.parametrize(
    ("limit", "request_", "fits"),
    [
        ("1Gi", "1024Mi", True),
        ("1073741824", "1Gi", True),
        ("1G", "1Gi", False),
        ("1500m", "1.5", True),
        ("1499m", "1.5", False),
    ],
)
def test_quantities_are_compared_across_their_units(limit: str, request_: str, fits: bool) -> None:
    resources = {"limits": {"cpu": limit}, "requests": {"cpu": request_}}
    assert holds(BY_NAME["inference-limits"], resources) is fits


def test_a_line_break_at_the_end_is_no_part_of_a_name() -> None:
    # A block of YAML ends with one. Python's `$` stops before it, the API server's does not.
    with pytest.raises(InvalidSpec, match=r"spec\.weaviate\.version must"):
        parse_resource(merged(tiny_resource("t"), {"spec": {"weaviate": {"version": "1.35.2\n"}}}))


def test_a_rule_that_cannot_be_evaluated_does_not_hold() -> None:
    assert not holds(BY_NAME["inference-limits"], {"limits": {"cpu": "big"}, "requests": {"cpu": "1"}})


def test_a_number_beyond_64_bits_in_a_raw_object_is_no_fault_of_the_rules() -> None:
    affinity = {"nodeAffinity": {"weight": 10**30}}
    parse_resource(merged(tiny_resource("t"), {"spec": {"inference": {"affinity": affinity}}}))


def test_a_resource_at_rest_is_judged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    good, bad = tiny_resource("rest"), merged(tiny_resource("rest"), BREACHES["gpu-needs-cuda"])
    parse_resource(good)
    with pytest.raises(InvalidSpec) as first:
        parse_resource(bad)
    monkeypatch.setattr(evaluation, "holds", None)  # a call of it would fail
    parse_resource(good)
    with pytest.raises(InvalidSpec) as again:
        parse_resource(bad)
    assert str(again.value) == str(first.value)
