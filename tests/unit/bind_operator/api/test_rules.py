"""The rules' offline form: each breach is refused with the same words as by the API server."""

import pytest

from bind_operator.api import parse_resource
from bind_operator.api.rules import RULES, Rule
from bind_operator.errors import InvalidSpec
from support.resources import BREACHES, merged, tiny_resource

BY_NAME = {rule.name: rule for rule in RULES}


@pytest.mark.parametrize("name", BREACHES)
def test_breach_is_refused_alone_and_with_its_field(name: str) -> None:
    rule = BY_NAME[name]
    with pytest.raises(InvalidSpec) as refused:
        parse_resource(merged(tiny_resource("t"), BREACHES[name]))
    assert str(refused.value) == f"{rule.field}: {rule.message}"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_no_rule_traps_a_field_at_its_stored_value(rule: Rule) -> None:
    assert "oldSelf" not in rule.cel


def test_names_are_unique() -> None:
    assert len(BY_NAME) == len(RULES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_message_names_the_field_and_a_remedy(rule) -> None:  # type: ignore[no-untyped-def]
    assert rule.message.startswith((rule.at, "metadata.name"))
    assert any(mark in rule.message for mark in ("; ", ", "))


def test_all_faults_are_reported_at_once() -> None:
    patch = merged(BREACHES["gpu-needs-cuda"], BREACHES["weaviate-version"])
    with pytest.raises(InvalidSpec) as refused:
        parse_resource(merged(tiny_resource("t"), patch))
    assert len(str(refused.value).splitlines()) == 2
