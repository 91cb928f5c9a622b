"""Autoscalers, webhooks and other controllers write objects of a release, and are left to it."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from integration.apiserver import ApiServer
from integration.conftest import OPERATOR_USER
from integration.instance import Instance
from integration.operator_process import OperatorProcess
from integration.test_drift import HEALED_S, environment, inference, installed, replicas
from integration.webhook import mutating
from support.waiting import eventually

pytestmark = pytest.mark.long

AWKWARD = (
    *("2026-01-02", "12:30:45", "yes", "0777", "1.0e+3", "null", "~", "a'b\"c", "  a  ", "a\nb\n", "a # b"),
    *("{{ .Values }}", "ä日😀", "\ufeffa", "\ta"),
)
"""Texts that YAML is easily wrong about."""

LEFT_S = 3.0
"""So long nothing must be put back: it would be after half a second."""


def no_drift(instance: Instance) -> bool:
    return instance.condition("Drifted") == ("False", "NoDriftDetected")


def assert_left(apiserver: ApiServer, instance: Instance, lines: int) -> None:
    """Assert that the operator writes none of the release's objects."""
    time.sleep(LEFT_S)
    allowed = {f"patch bindvectorizers/{instance.name}"}
    writes = apiserver.writes(OPERATOR_USER, instance.namespace, since=lines)
    assert {write for write in writes if not write.startswith("create events")} <= allowed
    assert instance.event_messages("DriftCorrected") == []
    assert no_drift(instance)


def assert_env_is_healed(instance: Instance) -> None:
    """Edit the environment by hand and assert that it is put back."""
    before = environment(inference(instance))
    instance.kubectl("set", "env", "deployment", f"{instance.name}-inference", "BIND_MODEL=other")
    eventually("healed", lambda: environment(inference(instance)) == before, within_s=HEALED_S)


def autoscaler(instance: Instance, name: str) -> dict[str, Any]:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": f"{instance.name}-inference"}
    resource = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}
    metrics = [{"type": "Resource", "resource": resource}]
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name, "namespace": instance.namespace},
        "spec": {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 6, "metrics": metrics},
    }


def scale_as(instance: Instance, manager: str, number: int) -> None:
    """Scale the inference Deployment as a controller does."""
    body = json.dumps({"spec": {"replicas": number}})
    arguments = ("--subresource=scale", "--type=merge", f"--field-manager={manager}", "-p", body)
    instance.kubectl("patch", "deployment", f"{instance.name}-inference", *arguments)


def test_a_release_as_it_was_made_costs_no_dry_run(
    apiserver: ApiServer, operator: OperatorProcess, instance: Instance
) -> None:
    # What the API server fills in is no difference.
    texts = {f"TEXT_{number}": text for number, text in enumerate(AWKWARD)}
    extra = [{"name": name, "value": value} for name, value in texts.items()]
    cpu = {"requests": {"cpu": "500m", "memory": "3Gi"}, "limits": {"memory": "12Gi"}}
    tolerations = [{"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 1_000_000}]
    inference_spec = {"extraEnv": extra, "resources": cpu, "tolerations": tolerations}
    spec = {"inference": inference_spec, "weaviate": {"env": texts}}
    installed(instance, {"spec": spec})
    eventually("looked at", lambda: no_drift(instance))
    assert apiserver.dry_runs(OPERATOR_USER, instance.namespace) == []


def test_a_horizontal_pod_autoscaler_has_the_replicas(
    apiserver: ApiServer, operator: OperatorProcess, instance: Instance
) -> None:
    installed(instance)
    # KEDA makes one of such a name.
    instance.kubectl("create", "-f", "-", manifest=autoscaler(instance, "keda-hpa-search"))
    eventually("looked at", lambda: no_drift(instance))
    lines = apiserver.audit_lines()
    scale_as(instance, "any-autoscaler", 4)
    assert_left(apiserver, instance, lines)
    assert_env_is_healed(instance)
    assert replicas(instance) == 4


def test_replicas_that_keda_wrote_last_stay(
    apiserver: ApiServer, operator: OperatorProcess, instance: Instance
) -> None:
    installed(instance)
    eventually("looked at", lambda: no_drift(instance))
    lines = apiserver.audit_lines()
    scale_as(instance, "keda-operator", 4)
    assert_left(apiserver, instance, lines)


def test_what_argo_cd_adds_stays(apiserver: ApiServer, operator: OperatorProcess, instance: Instance) -> None:
    installed(instance)
    eventually("looked at", lambda: no_drift(instance))
    lines = apiserver.audit_lines()
    tracked = {"argocd.argoproj.io/tracking-id": "app:apps/Deployment:x"}
    for version, kind, suffix in (("apps/v1", "Deployment", "-inference"), ("v1", "Service", "-weaviate")):
        metadata = {"name": f"{instance.name}{suffix}", "annotations": tracked, "labels": {"argocd": "app"}}
        manifest = {"apiVersion": version, "kind": kind, "metadata": metadata}
        arguments = ("apply", "--server-side", "--field-manager=argocd-controller", "-f", "-")
        instance.kubectl(*arguments, manifest=manifest)
    assert_left(apiserver, instance, lines)
    assert_env_is_healed(instance)
    assert inference(instance)["metadata"]["annotations"].items() >= tracked.items()


def test_a_restart_by_kubectl_stays(
    apiserver: ApiServer, operator: OperatorProcess, instance: Instance
) -> None:
    installed(instance)
    eventually("looked at", lambda: no_drift(instance))
    lines = apiserver.audit_lines()
    instance.kubectl("rollout", "restart", f"deployment/{instance.name}-inference")
    assert_left(apiserver, instance, lines)


def test_pods_that_a_vertical_pod_autoscaler_changes_are_no_drift(
    apiserver: ApiServer, operator: OperatorProcess, instance: Instance
) -> None:
    installed(instance)
    eventually("looked at", lambda: no_drift(instance))
    lines = apiserver.audit_lines()
    # It changes requests of pods as they are admitted, or of living ones, and never of the Deployment.
    pod = instance.create_pod("inference", {"phase": "Running"})
    resources = {"requests": {"memory": "1Gi"}, "limits": {"memory": "3Gi"}}
    body = json.dumps({"spec": {"containers": [{"name": "inference", "resources": resources}]}})
    instance.kubectl("patch", "pod", pod, "--subresource=resize", "-p", body)
    assert_left(apiserver, instance, lines)


def test_a_mutating_webhook_keeps_what_it_rewrites(
    apiserver: ApiServer, operator: OperatorProcess, instance: Instance, tmp_path: Path
) -> None:
    calls = iter(range(10_000))

    def mirror(item: Any) -> list[dict[str, Any]]:
        """Pull images from a mirror; count the calls in an annotation, as some webhooks write the time."""
        place = "/spec/template/spec/containers/0/image"
        image = item["spec"]["template"]["spec"]["containers"][0]["image"]
        mirrored = image if image.startswith("mirror.local/") else f"mirror.local/{image}"
        annotations = item["metadata"].get("annotations", {}) | {"mutated": str(next(calls))}
        return [
            {"op": "replace", "path": place, "value": mirrored},
            {"op": "add", "path": "/metadata/annotations", "value": annotations},
        ]

    with mutating(apiserver, instance.namespace, "deployments", mirror, tmp_path):
        lines = apiserver.audit_lines()
        installed(instance)
        eventually("looked at", lambda: no_drift(instance))
        assert instance.event_messages("DriftCorrected") == []
        tried = apiserver.dry_runs(OPERATOR_USER, instance.namespace, since=lines)
        assert tried == [f"patch deployments/{instance.name}-inference"]
        instance.kubectl("scale", "deployment", f"{instance.name}-inference", "--replicas=0")
        eventually("healed", lambda: replicas(instance) == 1, within_s=HEALED_S)
        [container] = inference(instance)["spec"]["template"]["spec"]["containers"]
        assert container["image"].startswith("mirror.local/")
        eventually("no drift", lambda: no_drift(instance))
        assert len(instance.event_messages("DriftCorrected")) == 1


def test_ignored_fields_stay_while_others_are_put_back(
    apiserver: ApiServer, operator: OperatorProcess, instance: Instance
) -> None:
    rules = [
        {"kind": "Deployment", "paths": ["/spec/replicas", "/spec/template/spec/containers/*/env/HOME"]},
        {"name": f"{instance.name}-weaviate-grpc", "paths": [""]},
    ]
    installed(instance, {"spec": {"driftDetection": {"ignore": rules}}})
    eventually("looked at", lambda: no_drift(instance))
    lines = apiserver.audit_lines()
    instance.kubectl("scale", "deployment", f"{instance.name}-inference", "--replicas=3")
    instance.kubectl("set", "env", "deployment", f"{instance.name}-inference", "HOME=/elsewhere", "MINE=1")
    eventually("added by hand", lambda: "MINE" not in environment(inference(instance)), within_s=HEALED_S)
    instance.kubectl("delete", "service", f"{instance.name}-weaviate-grpc")
    time.sleep(LEFT_S)
    assert replicas(instance) == 3
    assert environment(inference(instance))["HOME"] == "/elsewhere"
    assert instance.get("service", "-weaviate-grpc") is None
    assert no_drift(instance)
    written = set(apiserver.writes(OPERATOR_USER, instance.namespace, since=lines))
    assert f"patch services/{instance.name}-weaviate-grpc" not in written


def test_a_fight_ends_and_its_other_side_is_named(
    apiserver: ApiServer, operator: OperatorProcess, instance: Instance
) -> None:
    installed(instance)
    eventually("looked at", lambda: no_drift(instance))

    def fought_for() -> bool:
        if replicas(instance) == 1:
            scale_as(instance, "stubborn-controller", 7)
        return instance.condition("Drifted") == ("True", "DriftContested")

    eventually("given up", fought_for, within_s=40)
    assert "spec.replicas (by stubborn-controller)" in instance.message("Drifted")
    assert len(instance.event_messages("DriftCorrected")) == 5
    [event] = instance.event_messages("DriftContested")
    assert "stubborn-controller" in event
    assert replicas(instance) == 7
    lines = apiserver.audit_lines()
    time.sleep(LEFT_S)
    assert apiserver.writes(OPERATOR_USER, instance.namespace, since=lines) == []
    assert_env_is_healed(instance)
    assert replicas(instance) == 7
