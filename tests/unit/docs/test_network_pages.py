"""What the pages on networks show is taken by the resource, and does what the page says of it."""

import re
from typing import Any

import pytest
import yaml

from bind_operator.api import parse_resource
from bind_operator.policy import names
from support.charts import NAMESPACE, render
from support.network_policies import Pod, allows, pods_of
from support.pages import PAGES, blocks
from support.resources import merged, tiny_resource

SPECS = [
    (page, number, block)
    for page in ("network-policies.md", "placement.md")
    for number, block in enumerate(blocks(page, "yaml"))
]
FAILURES = (PAGES.parent / "concepts" / "failure-modes.md").read_text(encoding="utf-8")
TINY = ("--set", "modules.multi2vec-bind.model.name=Tiny")


@pytest.mark.parametrize(("page", "number", "block"), SPECS, ids=[f"{p} {n}" for p, n, _ in SPECS])
def test_the_manifests_are_taken(page: str, number: int, block: str) -> None:
    (part,) = yaml.safe_load_all(block)
    assert set(part) == {"spec"}
    parse_resource(merged(tiny_resource("t"), part))


def test_the_policy_that_lets_the_live_check_in_does_so() -> None:
    (block,) = (one for one in re.findall(r"^```yaml\n(.*?)^```", FAILURES, re.M | re.S) if "Policy" in one)
    policy: dict[str, Any] = yaml.safe_load(block)
    policy["metadata"]["namespace"] = NAMESPACE
    objects = render("weaviate-bind", *TINY, "--set", "networkPolicy.enabled=false")
    weaviate = pods_of(objects)["weaviate"]
    walled = [*objects, policy]
    operator, stranger = Pod({}, "bind-system"), Pod({}, "elsewhere")
    asked = (weaviate.ports["http"], names.GATE_PORT)
    assert [allows(walled, operator, weaviate, port) for port in asked] == [True, True]
    assert [allows(walled, stranger, weaviate, port) for port in asked] == [False, False]
