"""Inference pods that an autoscaler has: made, missing, put to sleep and woken, on a real API server."""

import contextlib
import json
import re
import shlex
import time
from collections.abc import Iterator
from typing import Any

from integration.apiserver import ApiServer
from integration.instance import Instance, answering_checks
from integration.operator_process import ROOT, OperatorProcess
from support import keda
from support.waiting import eventually

PAGE = (ROOT / "docs/how-to/autoscaling.md").read_text(encoding="utf-8")
CPU = {"cpuUtilization": 80}
WOKEN_WITHIN_S = 10.0
"""It is a second on an idle machine."""


def scaled(**autoscaling: Any) -> dict[str, Any]:
    fields = {"maxReplicas": 4, "target": CPU} | autoscaling
    return {"spec": {"inference": {"autoscaling": fields}}}


def metrics(waiting: int, passed: int) -> str:
    return (
        'caddy_http_requests_in_flight{handler="subroute",server="gate"} 0\n'
        f'caddy_http_requests_in_flight{{handler="subroute",server="wait"}} {waiting}\n'
        f'caddy_http_requests_total{{handler="subroute",server="wait"}} {passed}\n'
    )


@contextlib.contextmanager
def installed_keda(apiserver: ApiServer) -> Iterator[None]:
    apiserver.kubectl("apply", "-f", "-", manifest=keda.DEFINITION)
    apiserver.kubectl("wait", "--for=condition=Established", f"crd/{keda.NAME}", "--timeout=30s")
    try:
        yield
    finally:
        apiserver.kubectl("delete", "crd", keda.NAME)


def released(instance: Instance, revision: int) -> None:
    def done() -> bool:
        deployed = instance.condition("Released") == ("True", "Deployed")
        return deployed and instance.revisions().get(revision) == "deployed"

    eventually(f"revision {revision} is deployed", done, within_s=60)


def replicas(instance: Instance) -> int:
    number: int = instance.get("deployment", "-inference")["spec"]["replicas"]
    return number


def test_a_missing_keda_is_told_rolls_nothing_and_is_looked_for(
    apiserver: ApiServer, restless_operator: OperatorProcess, instance: Instance
) -> None:
    instance.apply()
    released(instance, 1)
    before = instance.get("deployment", "-inference")["metadata"]["generation"]
    instance.apply(scaled(target={"queueDepth": 8}))
    eventually("missing", lambda: instance.condition("Stalled") == ("True", "KedaMissing"), within_s=30)
    assert instance.condition() == ("False", "KedaMissing")
    assert "install KEDA" in instance.message()
    assert "cpuUtilization" in instance.message()
    assert instance.revisions() == {1: "deployed"}
    assert instance.get("deployment", "-inference")["metadata"]["generation"] == before
    with installed_keda(apiserver):
        released(instance, 2)
        assert instance.condition("Stalled")[0] == "False"
        spec = instance.get("scaledobject", "-inference")["spec"]
        assert spec["scaleTargetRef"]["name"] == f"{instance.name}-inference"
        instance.apply(scaled())
        released(instance, 3)
        assert instance.get("scaledobject", "-inference") is None
        assert instance.get("hpa", "-inference")["spec"]["maxReplicas"] == 4
        instance.delete(wait_s=60)


def test_a_release_outlives_the_kind_of_its_autoscaler(
    apiserver: ApiServer, operator: OperatorProcess, instance: Instance
) -> None:
    other, third = (Instance(apiserver, name, instance.namespace) for name in ("other", "third"))
    with installed_keda(apiserver):
        for one in (instance, other, third):
            one.apply(scaled(target={"queueDepth": 8}))
        for one in (instance, other, third):
            released(one, 1)
        # KEDA puts its finalizer on what it looks after.
        finalizer = '{"metadata":{"finalizers":["finalizer.keda.sh"]}}'
        instance.kubectl("patch", "scaledobject", "third-inference", "--type=merge", "-p", finalizer)
        third.delete(wait_s=60)
        assert third.get("scaledobject", "-inference")["metadata"]["deletionTimestamp"]
        (command,) = re.findall(r"`kubectl (patch scaledobject [^`]*)`", PAGE)
        words = shlex.split(command.replace("search-", "third-").replace("-n default ", ""))
        instance.kubectl(*words)
        assert third.get("scaledobject", "-inference") is None
    # Helm itself can neither change nor remove what has an object of a kind that it does not find.
    instance.apply(scaled())
    released(instance, 2)
    assert instance.get("hpa", "-inference")["spec"]["maxReplicas"] == 4
    other.delete(wait_s=60)
    assert other.get("statefulset", "-weaviate") is None
    assert other.revisions() == {}
    for one in (instance, other):
        assert one.event_reasons().count("KindForgotten") == 1
    assert "UninstallGaveUp" not in other.event_reasons()


def test_what_the_autoscaler_says_is_passed_on_and_its_pods_are_no_news(
    restless_operator: OperatorProcess, instance: Instance
) -> None:
    instance.apply(scaled(minReplicas=1))
    released(instance, 1)
    instance.roll_out()
    with answering_checks(instance):
        eventually("ready", lambda: instance.condition() == ("True", "InSync"), within_s=30)
        condition = {"type": "ScalingActive", "status": "False", "reason": "FailedGetResourceMetric"}
        said = {**condition, "message": "no metrics-server", "lastTransitionTime": "2026-11-27T12:00:00Z"}
        status = json.dumps({"status": {"conditions": [said], "currentMetrics": [], "desiredReplicas": 1}})
        arguments = (
            "hpa",
            f"{instance.name}-inference",
            "--subresource=status",
            "--type=merge",
            "-p",
            status,
        )
        instance.kubectl("patch", *arguments)
        words = "the autoscaler cannot scale: FailedGetResourceMetric: no metrics-server"
        eventually("told", lambda: words in instance.message(), within_s=30)
        assert instance.condition() == ("True", "InSync")
        instance.kubectl("scale", "deployment", f"{instance.name}-inference", "--replicas=3")
        instance.roll_out(ready=1)

        def is_well_with_one_of_three() -> bool:
            return instance.status()["replicas"] == "1/3" and instance.condition() == ("True", "InSync")

        eventually("not unready by pods that are added", is_well_with_one_of_three, within_s=30)
        assert "1 of 3 inference pods are ready" in instance.message()
        assert instance.condition("InferenceReady") == ("True", "AllReady")
        assert replicas(instance) == 3


def test_pods_that_are_there_stay_when_an_autoscaler_takes_over_and_when_it_goes(
    operator: OperatorProcess, instance: Instance
) -> None:
    instance.apply({"spec": {"inference": {"replicas": 3}}})
    released(instance, 1)
    instance.apply(scaled(minReplicas=2))
    released(instance, 2)
    assert replicas(instance) == 3
    scale = json.dumps({"spec": {"replicas": 4}})
    arguments = (
        "--subresource=scale",
        "--type=merge",
        "--field-manager=kube-controller-manager",
        "-p",
        scale,
    )
    instance.kubectl("patch", "deployment", f"{instance.name}-inference", *arguments)
    instance.apply(scaled(minReplicas=1, maxReplicas=5))
    released(instance, 3)
    assert replicas(instance) == 4
    instance.apply({"spec": {"inference": {"replicas": 2}}})
    released(instance, 4)
    assert replicas(instance) == 2


def test_a_resource_sleeps_while_nobody_asks_and_is_woken_by_who_waits(
    operator: OperatorProcess, instance: Instance
) -> None:
    instance.apply(scaled(minReplicas=0, sleepAfterSeconds=10))
    released(instance, 1)
    instance.roll_out()
    with answering_checks(instance) as live:
        live.metrics = metrics(0, 7)
        eventually("asleep", lambda: replicas(instance) == 0, within_s=60)
        assert instance.status()["lastVerifiedTime"]
        instance.roll_out()
        eventually("told", lambda: instance.condition() == ("True", "Asleep"), within_s=30)
        assert instance.condition("Stalled")[0] == "False"
        assert instance.condition("Verified")[0] == "Unknown"
        assert instance.status()["autoscaling"]["asleepSince"]
        live.asked.clear()
        time.sleep(3)
        assert replicas(instance) == 0
        assert "/verify" not in live.asked
        assert "/metrics" in live.asked

        live.metrics = metrics(1, 7)
        eventually("woken", lambda: replicas(instance) == 1, within_s=WOKEN_WITHIN_S)
        eventually("told", lambda: instance.condition() == ("Unknown", "Waking"), within_s=30)
        ready = {
            "type": "Ready",
            "status": "True",
            "lastTransitionTime": time.strftime("%FT%TZ", time.gmtime()),
        }
        instance.create_pod("inference", {"phase": "Running", "conditions": [ready]})
        instance.roll_out()
        live.metrics = metrics(0, 8)
        eventually("awake", lambda: instance.condition() == ("True", "InSync"), within_s=30)
        autoscaling = instance.status()["autoscaling"]
        assert "asleepSince" not in autoscaling
        assert autoscaling["startSeconds"] >= 0
    told = instance.event_reasons()
    assert told.index("Asleep") < told.index("Waking") < len(told) - 1 - told[::-1].index("InSync")
