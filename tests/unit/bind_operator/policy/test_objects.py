"""Workloads from raw objects: when a rollout counts as done."""

from typing import Any

import pytest

from bind_operator.policy.facts import Component
from bind_operator.policy.objects import component_of, newest_template, read_workload

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


def test_a_deadline_that_passed_is_of_the_latest_spec() -> None:
    late = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "late"}
    assert read_workload(deployment(DONE | {"conditions": [late]})).stuck == "late"
    unseen = DONE | {"observedGeneration": 1, "conditions": [late]}
    assert read_workload(deployment(unseen)).stuck == ""


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


def replica_set(template: str, created: str, revision: str) -> dict[str, Any]:
    return {
        "metadata": {
            "name": f"t-inference-{template}",
            "creationTimestamp": created,
            "labels": {"app.kubernetes.io/component": "inference", "pod-template-hash": template},
            "annotations": {
                "deployment.kubernetes.io/desired-replicas": "1",
                "deployment.kubernetes.io/revision": revision,
            },
        }
    }


def test_the_newest_template_has_the_highest_revision() -> None:
    first = replica_set("6b9f7c5d4", "2026-01-01T00:00:00Z", "9")
    second = replica_set("79c8d6bb8f", "2026-01-02T00:00:00Z", "10")
    assert newest_template([second, first]) == "79c8d6bb8f"
    went_back = replica_set("6b9f7c5d4", "2026-01-01T00:00:00Z", "11")
    assert newest_template([second, went_back]) == "6b9f7c5d4"
    assert newest_template([]) is None


@pytest.mark.parametrize(
    ("label", "driver", "told"),
    [("", "", True), ("ConfigMap", "ConfigMap", True), ("", "ConfigMap", False), ("ConfigMap", "", False)],
)
def test_the_release_of_a_workload_is_told_only_if_its_records_can_be_seen(
    label: str, driver: str, told: bool
) -> None:
    labels = {"bindvectorizer.dev/helm-driver": label} if label else {}
    metadata = {"name": "s", "annotations": {"meta.helm.sh/release-name": "shop"}, "labels": labels}
    assert read_workload({"metadata": metadata, "spec": {}}, driver).release == ("shop" if told else None)
