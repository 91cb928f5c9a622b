"""The rules' one text is judged offline as the API server judges it."""

from typing import Any

import pytest

from bind_operator.api import evaluation, parse_resource
from bind_operator.api.evaluation import holds
from bind_operator.api.rules import RULES
from bind_operator.errors import InvalidSpec
from support.resources import BREACHES, merged, tiny_resource

BY_NAME = {rule.name: rule for rule in RULES}


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
    assert holds(BY_NAME["weaviate-limits"], resources) is fits
    assert holds(BY_NAME["inference-limits"], {"inference": {"resources": resources}}) is fits


@pytest.mark.parametrize(
    ("resources", "alone"),
    [
        ({"limits": {"memory": "3Gi"}}, True),
        ({"limits": {"memory": "2Gi"}}, False),
        ({"requests": {"memory": "12Gi"}}, True),
        ({"requests": {"memory": "13Gi"}}, False),
        ({}, True),
    ],
)
def test_what_is_unset_is_judged_by_its_default_unless_a_profile_may_set_it(
    resources: dict[str, Any], alone: bool
) -> None:
    spec = {"inference": {"resources": resources}}
    assert holds(BY_NAME["inference-limits"], spec) is alone
    assert holds(BY_NAME["inference-limits"], spec | {"profile": "t4"})


@pytest.mark.parametrize(
    ("rule", "spec", "alone", "with_profile"),
    [
        ("gpu-needs-cuda", {"gpu": {}}, False, True),
        ("gpu-needs-cuda", {"gpu": {}, "device": "CPU"}, False, False),
        ("gpu-needs-cuda", {"gpu": {}, "device": "CUDA"}, True, True),
        ("float16-needs-cuda", {"inference": {"model": {"precision": "float16"}}}, False, True),
        ("int8-needs-cpu", {"inference": {"model": {"precision": "int8"}}}, True, True),
        ("int8-needs-cpu", {"inference": {"model": {}}, "device": "CUDA"}, True, True),
    ],
)
def test_a_device_that_is_unset_is_the_cpu_or_the_profiles(
    rule: str, spec: dict[str, Any], alone: bool, with_profile: bool
) -> None:
    assert holds(BY_NAME[rule], spec) is alone
    assert holds(BY_NAME[rule], spec | {"profile": "t4"}) is with_profile


def test_a_line_break_at_the_end_is_no_part_of_a_name() -> None:
    # A block of YAML ends with one. Python's `$` stops before it, the API server's does not.
    with pytest.raises(InvalidSpec, match=r"spec\.weaviate\.version must"):
        parse_resource(merged(tiny_resource("t"), {"spec": {"weaviate": {"version": "1.35.2\n"}}}))


def test_a_rule_that_cannot_be_evaluated_does_not_hold() -> None:
    assert not holds(BY_NAME["weaviate-limits"], {"limits": {"cpu": "big"}, "requests": {"cpu": "1"}})


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
