"""Workloads from raw objects: when a rollout counts as done."""

from typing import Any

import pytest

from bind_operator.facts import Component
from bind_operator.objects import component_of, read_workload

DONE = {"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2}


def deployment(status: dict[str, Any], replicas: int = 2) -> dict[str, Any]:
    metadata = {"name": "t-inference", "generation": 2, "annotations": {"meta.helm.sh/release-name": "t"}}
    return {"metadata": metadata, "spec": {"replicas": replicas}, "status": status}


@pytest.mark.parametrize(
    ("status", "rolled_out"),
    [
        (DONE, True),
        (DONE | {"observedGeneration": 1}, False),
        (DONE | {"updatedReplicas": 1}, False),
        (DONE | {"replicas": 3}, False),
        (DONE | {"readyReplicas": 1}, False),
        ({}, False),
    ],
    ids=["done", "not seen", "old pods", "surplus pods", "not ready", "new"],
)
def test_rollout(status: dict[str, Any], rolled_out: bool) -> None:
    assert read_workload(deployment(status)).is_rolled_out is rolled_out


def test_zero_wanted_and_none_there_is_rolled_out() -> None:
    assert read_workload(deployment({"observedGeneration": 2}, replicas=0)).is_rolled_out


def test_facts() -> None:
    failure = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}
    workload = read_workload(deployment(DONE | {"conditions": [failure]}))
    assert (workload.name, workload.release, workload.refusal) == ("t-inference", "t", "exceeded quota")


@pytest.mark.parametrize(
    ("labels", "component"),
    [
        ({"app.kubernetes.io/component": "inference"}, Component.INFERENCE),
        ({"app.kubernetes.io/component": "weaviate"}, Component.WEAVIATE),
        ({"app.kubernetes.io/component": "other"}, None),
        ({}, None),
    ],
)
def test_component(labels: dict[str, str], component: Component | None) -> None:
    assert component_of({"metadata": {"labels": labels}}) is component
