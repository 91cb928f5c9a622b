"""The fields that docs/how-to/autoscaling.md shows are taken, and the messages that it quotes are said."""

from textwrap import dedent
from typing import Any

import pytest
import yaml

from bind_operator.api import parse_resource
from bind_operator.policy.autoscaling import METRICS_REMEDIES, Scaling
from bind_operator.policy.facts import Workload
from support.pages import PAGES, blocks
from support.resources import merged, tiny_resource

PAGE = "autoscaling.md"


@pytest.mark.parametrize("block", blocks(PAGE, "yaml"))
def test_what_the_page_shows_is_taken(block: str) -> None:
    shown: dict[str, Any] = yaml.safe_load(dedent(block))
    spec = shown.get("spec", {"inference": shown})
    resource = parse_resource(merged(tiny_resource("search", "default"), {"spec": spec}))
    assert resource.spec.inference.autoscaling is not None


def test_what_the_page_quotes_is_said() -> None:
    resource = parse_resource(
        merged(
            tiny_resource("search", "default"),
            {"spec": {"inference": {"autoscaling": {"maxReplicas": 2, "target": {"cpuUtilization": 80}}}}},
        )
    )
    spec = resource.spec.inference.autoscaling
    assert spec is not None
    inference = Workload("t-inference", "t", wanted=1, ready=1, is_current=True, is_updated=True, least=1)
    said = Scaling(spec, fault="FailedGetResourceMetric: x").describe(inference, None)
    assert said.split("; ")[-1].removesuffix("x") in (PAGES / PAGE).read_text(encoding="utf-8")
    for remedy in METRICS_REMEDIES.values():
        assert "metrics-server" in remedy
