"""What somebody changes at a release's objects is taken back or told, and nobody is fought."""

import json
import time
from typing import Any

import pytest

from integration.apiserver import ApiServer
from integration.conftest import OPERATOR_USER
from integration.instance import Instance
from integration.operator_process import OperatorProcess
from support.waiting import eventually

HEALED_S = 5.0
WARN = {"spec": {"driftDetection": {"mode": "Warn"}}}
DISABLED = {"spec": {"driftDetection": {"mode": "Disabled"}}}

DELETED = {
    "workload": ("deployment", "-inference"),
    "database": ("statefulset", "-weaviate"),
    "service": ("service", "-weaviate"),
    "headless service": ("service", "-inference"),
    "configmap": ("configmap", "-gate"),
    "budget": ("poddisruptionbudget", "-inference"),
}


def installed(instance: Instance, patch: dict[str, Any] | None = None) -> None:
    instance.apply(patch)
    eventually("released", lambda: instance.condition("Released") == ("True", "Deployed"))


def inference(instance: Instance) -> Any:
    return instance.get("deployment", "-inference")


def environment(workload: Any) -> dict[str, str]:
    [container] = workload["spec"]["template"]["spec"]["containers"]
    return {one["name"]: one.get("value", "") for one in container["env"]}


def replicas(instance: Instance) -> int:
    return int(inference(instance)["spec"]["replicas"])


def managers(instance: Instance, kind: str, suffix: str) -> set[str]:
    """Return who wrote an object's fields."""
    arguments = ("get", kind, f"{instance.name}{suffix}", "-o", "json", "--show-managed-fields")
    fields = json.loads(instance.kubectl(*arguments))["metadata"]["managedFields"]
    return {entry["manager"] for entry in fields}


def patch(instance: Instance, kind: str, suffix: str, body: object, *more: str) -> None:
    arguments = ("patch", kind, f"{instance.name}{suffix}", "--type=merge", "-p", json.dumps(body))
    instance.kubectl(*arguments, *more)


def assert_told(instance: Instance, *words: str) -> None:
    """Assert that one event tells of a correction, with the object and its fields."""
    eventually("told", lambda: instance.event_messages("DriftCorrected"))
    [message] = instance.event_messages("DriftCorrected")
    for word in words:
        assert word in message
    assert instance.revisions() == {1: "deployed"}
    eventually("no drift", lambda: instance.condition("Drifted") == ("False", "NoDriftDetected"))


@pytest.mark.parametrize("what", DELETED)
def test_a_deleted_object_comes_back(operator: OperatorProcess, instance: Instance, what: str) -> None:
    installed(instance)
    kind, suffix = DELETED[what]
    before = instance.get(kind, suffix)
    instance.kubectl("delete", kind, f"{instance.name}{suffix}")
    eventually("back", lambda: instance.get(kind, suffix), within_s=HEALED_S)
    after = instance.get(kind, suffix)
    for part in ("labels", "annotations"):
        assert after["metadata"].get(part) == before["metadata"].get(part)
    assert managers(instance, kind, suffix) == {"helm"}
    assert_told(instance, f"{instance.name}{suffix}")


# The API server knows no writer of 0, because a scale without replicas is empty.
@pytest.mark.parametrize(("number", "writer"), [(0, ""), (5, " (by kubectl)")])
def test_replicas_scaled_by_hand_are_taken_back(
    operator: OperatorProcess, instance: Instance, number: int, writer: str
) -> None:
    installed(instance)
    instance.kubectl("scale", "deployment", f"{instance.name}-inference", f"--replicas={number}")
    eventually("scaled back", lambda: replicas(instance) == 1, within_s=HEALED_S)
    assert_told(instance, f"Deployment search-inference: spec.replicas{writer}")


@pytest.mark.parametrize(("kind", "suffix"), [("deployment", "-inference"), ("statefulset", "-weaviate")])
def test_an_edited_environment_is_taken_back(
    operator: OperatorProcess, instance: Instance, kind: str, suffix: str
) -> None:
    installed(instance)
    before = environment(instance.get(kind, suffix))
    name = next(name for name, value in before.items() if value)
    edits = (f"{name}=other", "ADDED_BY_HAND=1", f"{list(before)[-1]}-")
    instance.kubectl("set", "env", kind, f"{instance.name}{suffix}", *edits)
    eventually("healed", lambda: environment(instance.get(kind, suffix)) == before, within_s=HEALED_S)
    assert_told(instance, f"env[{name}]", "env[ADDED_BY_HAND]", f"env[{list(before)[-1]}]")


def test_an_edited_configmap_and_service_are_taken_back(
    operator: OperatorProcess, instance: Instance
) -> None:
    installed(instance)
    text = instance.get("configmap", "-gate")["data"]["Caddyfile"]
    patch(instance, "configmap", "-gate", {"data": {"Caddyfile": "x"}})
    patch(instance, "service", "-weaviate", {"spec": {"selector": {"app.kubernetes.io/component": "x"}}})

    def healed() -> bool:
        selector = instance.get("service", "-weaviate")["spec"]["selector"]
        is_selected = selector["app.kubernetes.io/component"] == "weaviate"
        return is_selected and instance.get("configmap", "-gate")["data"]["Caddyfile"] == text

    eventually("healed", healed, within_s=HEALED_S)


def test_an_object_that_lost_its_labels_gets_them_back(operator: OperatorProcess, instance: Instance) -> None:
    installed(instance)
    instance.kubectl("label", "service", f"{instance.name}-weaviate", "app.kubernetes.io/instance-")

    def labelled() -> bool:
        labels = instance.get("service", "-weaviate")["metadata"]["labels"]
        return bool(labels.get("app.kubernetes.io/instance") == instance.name)

    eventually("healed", labelled, within_s=HEALED_S)


def test_warn_tells_and_touches_nothing(
    apiserver: ApiServer, operator: OperatorProcess, instance: Instance
) -> None:
    installed(instance, WARN)
    eventually("looked at", lambda: instance.condition("Drifted") == ("False", "NoDriftDetected"))
    instance.kubectl("scale", "deployment", f"{instance.name}-inference", "--replicas=0")
    instance.kubectl("delete", "service", f"{instance.name}-weaviate-grpc")
    eventually("told", lambda: "Service search-weaviate-grpc" in instance.message("Drifted"))
    assert instance.condition("Drifted") == ("True", "DriftDetected")
    assert "Deployment search-inference: spec.replicas" in instance.message("Drifted")
    time.sleep(1.5)
    lines, looks = apiserver.audit_lines(), operator.metric("bind_operator_reconciles_total")
    eventually("more looks", lambda: operator.metric("bind_operator_reconciles_total") >= looks + 3)
    assert apiserver.writes(OPERATOR_USER, instance.namespace, since=lines) == []
    assert apiserver.dry_runs(OPERATOR_USER, instance.namespace, since=lines) == []
    assert replicas(instance) == 0
    assert instance.event_reasons().count("DriftDetected") in (1, 2)  # the second edit may come later


def test_disabled_looks_at_nothing_but_a_missing_workload(
    apiserver: ApiServer, operator: OperatorProcess, instance: Instance
) -> None:
    installed(instance, DISABLED)
    instance.kubectl("scale", "deployment", f"{instance.name}-inference", "--replicas=0")
    time.sleep(3)
    assert replicas(instance) == 0
    assert instance.condition("Drifted") == ("Unknown", "DriftDetectionDisabled")
    assert apiserver.dry_runs(OPERATOR_USER, instance.namespace) == []
    instance.kubectl("delete", "deployment", f"{instance.name}-inference")
    eventually("back", lambda: inference(instance), within_s=HEALED_S)


def test_a_field_added_to_the_pods_goes_back_to_its_default(
    operator: OperatorProcess, instance: Instance
) -> None:
    def policy() -> str:
        return str(inference(instance)["spec"]["template"]["spec"]["dnsPolicy"])

    def choose(value: str) -> None:
        patch(instance, "deployment", "-inference", {"spec": {"template": {"spec": {"dnsPolicy": value}}}})

    installed(instance)
    choose("Default")
    eventually("healed", lambda: policy() == "ClusterFirst", within_s=HEALED_S)
    assert_told(instance, "Deployment search-inference: spec.template.spec.dnsPolicy (by kubectl-patch)")
    # A person's default, of which nothing can be removed.
    instance.apply({"spec": {"suspend": True}})
    eventually("suspended", lambda: instance.condition()[1] == "Suspended")
    choose("Default")
    choose("ClusterFirst")
    instance.apply({"spec": {"suspend": False}})
    eventually("looked at", lambda: instance.condition("Drifted") == ("False", "NoDriftDetected"))
    time.sleep(2)
    assert len(instance.event_messages("DriftCorrected")) == 1


def test_a_cache_that_was_deleted_comes_back(operator: OperatorProcess, instance: Instance) -> None:
    installed(
        instance, {"spec": {"inference": {"model": {"name": "ImageBindHuge", "licenseAccepted": True}}}}
    )
    before = instance.get("pvc", "-model-cache")["metadata"]["uid"]
    instance.kubectl("delete", "pvc", f"{instance.name}-model-cache", "--wait=false")
    # No controller removes the protection that the API server gives a claim.
    patch(instance, "pvc", "-model-cache", {"metadata": {"finalizers": None}})

    def is_new() -> bool:
        claim = instance.get("pvc", "-model-cache")
        return bool(claim) and claim["metadata"]["uid"] != before

    eventually("back", is_new)
