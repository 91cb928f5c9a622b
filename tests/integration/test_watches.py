"""Watches live as long as the operator: after each fault of the API server an edit is seen within seconds."""

import time

import pytest

from integration.apiserver import ApiServer
from integration.installation import ROOT
from integration.instance import Instance
from integration.operator_process import OperatorProcess
from support.api_proxy import ApiProxy
from support.waiting import eventually

PLURAL = "/bindvectorizers"
OUTAGE_S = 60.0
"""kopf's watches gave up after 54 s of refusals, for good."""


def installed(instance: Instance) -> None:
    instance.apply()
    eventually("released", lambda: instance.condition("Released") == ("True", "Deployed"), within_s=30)
    time.sleep(2)


def edit_is_seen(instance: Instance, replicas: int, within_s: float = 15.0) -> None:
    instance.apply({"spec": {"inference": {"replicas": replicas}}})
    deployment = lambda: instance.get("deployment", "-inference") or {"spec": {}}  # noqa: E731
    eventually("the edit is seen", lambda: deployment()["spec"].get("replicas") == replicas, within_s)


def a_lost_workload_is_seen(instance: Instance, within_s: float = 15.0) -> None:
    name = f"{instance.name}-inference"
    instance.server.kubectl("delete", "deployment", name, "-n", instance.namespace)
    eventually("it is back", lambda: instance.get("deployment", "-inference"), within_s)


@pytest.mark.long
@pytest.mark.parametrize("status", [503, 403])
def test_an_edit_is_seen_after_a_minute_of_refusals(
    proxy: ApiProxy, far_operator: OperatorProcess, instance: Instance, status: int
) -> None:
    installed(instance)
    proxy.refuse(status)
    time.sleep(OUTAGE_S)
    proxy.heal()
    edit_is_seen(instance, 2)
    a_lost_workload_is_seen(instance)


@pytest.mark.long
def test_an_edit_is_seen_after_too_many_requests(
    proxy: ApiProxy, far_operator: OperatorProcess, instance: Instance
) -> None:
    installed(instance)
    proxy.refuse(429, headers={"Retry-After": "2"})
    time.sleep(5)
    proxy.heal()
    edit_is_seen(instance, 2)


@pytest.mark.parametrize("code", [410, 500, 504])
def test_an_edit_is_seen_after_an_error_in_the_stream(
    proxy: ApiProxy, far_operator: OperatorProcess, instance: Instance, code: int
) -> None:
    installed(instance)
    proxy.send_error(code)
    edit_is_seen(instance, 2)
    a_lost_workload_is_seen(instance)


@pytest.mark.long
def test_an_edit_is_seen_after_the_watches_were_cut(
    proxy: ApiProxy, far_operator: OperatorProcess, instance: Instance
) -> None:
    installed(instance)
    proxy.cut()
    edit_is_seen(instance, 2)


@pytest.mark.long
def test_an_edit_is_seen_although_the_watch_went_silent(
    proxy: ApiProxy, far_operator: OperatorProcess, instance: Instance
) -> None:
    installed(instance)
    proxy.mute()
    edit_is_seen(instance, 2, within_s=85)


@pytest.mark.long
def test_what_was_deleted_while_no_watch_ran_is_made_again(
    proxy: ApiProxy, far_operator: OperatorProcess, instance: Instance
) -> None:
    installed(instance)
    proxy.refuse(503, "deployments")
    name = f"{instance.name}-inference"
    instance.server.kubectl("delete", "deployment", name, "-n", instance.namespace)
    time.sleep(3)
    # So that the watch cannot go on where it was.
    proxy.refuse(410, "watch=")
    time.sleep(3)
    proxy.heal()
    eventually("it is back", lambda: instance.get("deployment", "-inference"), within_s=15)


def looks(operator: OperatorProcess) -> float:
    return operator.metric("bind_operator_reconciles_total")


WARNING = {
    "apiVersion": "v1",
    "kind": "Event",
    "type": "Warning",
    "reason": "FailedScheduling",
    "message": "0/1 nodes are available",
}


def test_each_object_of_a_release_is_watched(
    apiserver: ApiServer, far_operator: OperatorProcess, instance: Instance
) -> None:
    installed(instance)
    claim = instance.create_claim()
    time.sleep(2)
    where = ("-n", instance.namespace)
    for kind, name in (
        ("service", f"{instance.name}-weaviate"),
        ("configmap", f"{instance.name}-gate"),
        ("statefulset", f"{instance.name}-weaviate"),
        ("deployment", f"{instance.name}-inference"),
        ("pvc", claim),
    ):
        before = looks(far_operator)
        apiserver.kubectl("annotate", kind, name, "example.org/touched=yes", *where)
        eventually(
            f"a change of a {kind} is looked at", lambda before=before: looks(far_operator) > before, 5
        )
        time.sleep(1)
    before = looks(far_operator)
    involved = {"kind": "Pod", "name": f"{instance.name}-weaviate-0", "namespace": instance.namespace}
    metadata = {"name": "warning", "namespace": instance.namespace}
    apiserver.kubectl(
        "create", "-f", "-", manifest=WARNING | {"metadata": metadata, "involvedObject": involved}
    )
    eventually("a warning about a pod is looked at", lambda: looks(far_operator) > before, 5)
    assert far_operator.metric("bind_operator_watch_age_seconds") < 80 * 9


def test_pods_of_others_are_not_sent_to_the_operator(
    apiserver: ApiServer, proxy: ApiProxy, far_operator: OperatorProcess, instance: Instance
) -> None:
    eventually("it watches", lambda: proxy.watches("/pods") == 1)
    watched = [one for one in proxy.requests if "watch=true" in one and "/bindvectorizers" not in one]
    assert watched
    assert [one for one in watched if "labelSelector=" not in one and "fieldSelector=type" not in one] == []


@pytest.mark.long
def test_an_edit_is_seen_after_the_definition_was_deleted_and_applied_again(
    apiserver: ApiServer, far_operator: OperatorProcess, instance: Instance
) -> None:
    installed(instance)
    crd = "bindvectorizers.bindvectorizer.dev"
    apiserver.kubectl("delete", "crd", crd, "--timeout=60s")
    time.sleep(8)
    apiserver.kubectl("apply", "--server-side", "-f", str(ROOT / "manifests/crds.yaml"))
    apiserver.kubectl("wait", "--for=condition=Established", f"crd/{crd}")
    eventually("served", lambda: "No resources found" in apiserver.kubectl("get", "bv", check=False), 10)
    instance.apply()
    eventually("released", lambda: instance.condition("Released") == ("True", "Deployed"), within_s=15)
    edit_is_seen(instance, 2)
