"""The operator's metrics may be scraped, and nothing else of it is reached; what of it is enforced: e2e."""

import json

import pytest

from support.charts import NAMESPACE, render
from support.network_policies import Pod, allows, pods_of

PROMETHEUS = Pod({"app": "prometheus"}, "monitoring")
STRANGER = Pod({"app": "other"}, "elsewhere")
INTERNET = Pod(address="198.51.100.7")
IN_MONITORING = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]
NAMED = ("--set-json", f"networkPolicy.monitoring={json.dumps(IN_MONITORING)}")


def reached(source: Pod, *arguments: str) -> set[str]:
    objects = render("bind-operator", *arguments)
    operator = pods_of(objects)["operator"]
    assert set(operator.ports) == {"health", "metrics"}
    return {name for name, port in operator.ports.items() if allows(objects, source, operator, port)}


@pytest.mark.parametrize("source", [PROMETHEUS, STRANGER, INTERNET])
def test_only_the_metrics_are_reached(source: Pod) -> None:
    assert reached(source) == {"metrics"}


def test_by_those_that_are_named() -> None:
    assert reached(PROMETHEUS, *NAMED) == {"metrics"}
    assert reached(STRANGER, *NAMED) == set()


def test_and_by_helm_test() -> None:
    objects = render("bind-operator", *NAMED)
    pods = pods_of(objects)
    assert pods["test"].namespace == NAMESPACE
    assert allows(objects, pods["test"], pods["operator"], 8081)


def test_the_operator_reaches_all_and_the_policy_can_be_left_out() -> None:
    objects = render("bind-operator")
    assert allows(objects, pods_of(objects)["operator"], STRANGER, 443)
    assert reached(STRANGER, "--set", "networkPolicy.enabled=false") == {"health", "metrics"}
