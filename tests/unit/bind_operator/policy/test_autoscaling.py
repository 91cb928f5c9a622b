"""When the last pods end and the first one comes, and what is told of an autoscaler."""

from dataclasses import replace
from typing import Any

import pytest

from bind_operator.api.autoscaling import Autoscaling, AutoscalingTarget
from bind_operator.policy.autoscaling import (
    MAX_SILENT,
    Counts,
    Quiet,
    Scaling,
    Sleeper,
    Step,
    fault_of,
    judge,
    read_counts,
    read_scaling,
    start_seconds,
)
from bind_operator.policy.facts import Problem, Workload
from bind_operator.reasons import Reason

SPEC = Autoscaling(min_replicas=0, max_replicas=4, target=AutoscalingTarget(cpu_utilization=80))
ASLEEP = Sleeper(least=0, replicas=0, gates=("127.0.0.1",), sleep_after_s=60, may_sleep=True)
AWAKE = replace(ASLEEP, replicas=2)
INFERENCE = Workload("t-inference", "t", wanted=1, ready=1, is_current=True, is_updated=True, least=0)
NOW = "2026-11-27T12:00:00Z"
METRICS = """# TYPE caddy_http_requests_in_flight gauge
caddy_http_requests_in_flight{handler="subroute",server="gate"} 9
caddy_http_requests_in_flight{handler="other",server="wait"} 7
caddy_http_requests_in_flight{handler="subroute",server="wait"} 3
caddy_http_requests_total{handler="subroute",server="wait"} 1.2e+06
caddy_http_requests_total{handler="subroute",server="srv1"} 5
"""


def pod(created: str, ready: str | None, component: str = "inference") -> dict[str, Any]:
    labels = {"app.kubernetes.io/component": component}
    condition = {"type": "Ready", "status": "True" if ready else "False", "lastTransitionTime": ready}
    return {
        "metadata": {"labels": labels, "creationTimestamp": created},
        "status": {"conditions": [condition]},
    }


def test_a_request_that_waits_wakes_the_first_pod() -> None:
    assert judge(ASLEEP, Quiet(), Counts(0, 7), 0.0)[0] is Step.NOTHING
    assert judge(ASLEEP, Quiet(7), Counts(1, 7), 1.0)[0] is Step.WAKE


def test_the_last_pods_end_when_nobody_has_asked_for_long() -> None:
    step, quiet = judge(AWAKE, Quiet(), Counts(0, 7), 0.0)
    assert step is Step.NOTHING
    step, quiet = judge(AWAKE, quiet, Counts(0, 7), 59.0)
    assert step is Step.NOTHING
    assert judge(AWAKE, quiet, Counts(0, 7), 60.0)[0] is Step.SLEEP
    assert judge(replace(AWAKE, may_sleep=False), quiet, Counts(0, 7), 60.0)[0] is Step.NOTHING
    assert judge(replace(AWAKE, least=1), quiet, Counts(0, 7), 60.0)[0] is Step.NOTHING


@pytest.mark.parametrize("counts", [Counts(1, 7), Counts(0, 8), Counts(0, 0)])
def test_whoever_asked_meanwhile_begins_the_time_anew(counts: Counts) -> None:
    step, quiet = judge(AWAKE, Quiet(7, since=0.0), counts, 60.0)
    assert step is Step.NOTHING
    assert quiet.since == 60.0


def test_gates_that_do_not_answer_put_nobody_to_sleep_and_wake_in_the_end() -> None:
    step, quiet = judge(AWAKE, Quiet(7, since=0.0), None, 1000.0)
    assert step is Step.NOTHING
    assert judge(AWAKE, quiet, Counts(0, 7), 1001.0)[0] is Step.NOTHING
    quiet = Quiet()
    steps = []
    for _ in range(MAX_SILENT):
        step, quiet = judge(ASLEEP, quiet, None, 0.0)
        steps.append(step)
    assert steps == [Step.NOTHING] * (MAX_SILENT - 1) + [Step.WAKE]


def test_who_may_no_longer_sleep_is_woken() -> None:
    assert judge(replace(ASLEEP, least=1), Quiet(), Counts(0, 0), 0.0)[0] is Step.WAKE


def test_counts_are_those_of_the_listener_that_waits() -> None:
    assert read_counts(METRICS) == Counts(3, 1_200_000)
    lines = METRICS.splitlines(keepends=True)
    assert read_counts("".join(line for line in lines if "wait" not in line)) == Counts(0, 0)
    assert read_counts(METRICS.replace('server="gate"', 'server="srv0"')) is None
    assert read_counts("") is None


def test_the_youngest_ready_pod_tells_how_long_a_start_takes() -> None:
    old = pod("2026-11-27T10:00:00Z", "2026-11-27T10:02:00Z")
    new = pod("2026-11-27T11:00:00Z", "2026-11-27T11:00:12Z")
    going = pod("2026-11-27T11:30:00Z", None)
    weaviate = pod("2026-11-27T11:40:00Z", "2026-11-27T11:45:00Z", "weaviate")
    assert start_seconds([old, new, going, weaviate]) == 12
    assert start_seconds([going, weaviate]) is None


def test_an_autoscaler_that_cannot_scale_is_quoted() -> None:
    def hpa(**condition: str) -> dict[str, Any]:
        return {"status": {"conditions": [{"type": "AbleToScale", "status": "True"}, condition]}}

    bad = hpa(type="ScalingActive", status="False", reason="FailedGetResourceMetric", message="no metrics")
    assert fault_of(bad) == "FailedGetResourceMetric: no metrics"
    assert fault_of(hpa(type="ScalingActive", status="False", reason="ScalingDisabled")) == ""
    assert (
        fault_of(hpa(type="Ready", status="False", reason="TriggerError", message="x")) == "TriggerError: x"
    )
    assert fault_of(hpa(type="Ready", status="Unknown")) == ""
    assert fault_of({}) == fault_of(None) == ""


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("the server could not find the requested resource", "install metrics-server (https://"),
        (
            "the server is currently unable to handle the request",
            "kubectl describe apiservice v1beta1.metrics",
        ),
    ],
)
def test_without_figures_of_pods_the_remedy_is_named(said: str, remedy: str) -> None:
    words = f"unable to fetch metrics from resource metrics API: {said} (get pods.metrics.k8s.io)"
    condition = {"type": "ScalingActive", "status": "False", "reason": "FailedGetResourceMetric"}
    fault = fault_of({"status": {"conditions": [condition | {"message": words}]}})
    assert fault.startswith(f"FailedGetResourceMetric: {words}; ")
    assert remedy in fault


def test_what_was_seen_of_a_start_is_remembered_while_there_is_no_pod() -> None:
    asleep = replace(INFERENCE, wanted=0, ready=0)
    before = {"autoscaling": {"startSeconds": 12}, "conditions": [{"type": "Ready", "reason": "InSync"}]}
    found = read_scaling(SPEC, None, asleep, [], before, NOW)
    assert (found.start_s, found.asleep_since, found.is_waking) == (12, NOW, False)
    before = {"autoscaling": {"asleepSince": "x"}, "conditions": [{"type": "Ready", "reason": "Asleep"}]}
    assert read_scaling(SPEC, None, asleep, [], before, NOW).asleep_since == "x"
    waking = read_scaling(SPEC, None, replace(INFERENCE, ready=0), [], before, NOW)
    assert (waking.is_waking, waking.asleep_since) == (True, None)


def test_ready_tells_of_a_start_that_is_longer_than_the_gate_holds() -> None:
    told = Scaling(SPEC, start_s=75).describe(INFERENCE, None)
    assert told.endswith("the last pod took 75 s to start")
    told = Scaling(SPEC, start_s=76).describe(INFERENCE, None)
    assert "holds requests for 80 s only: raise spec.inference.autoscaling.holdSeconds" in told


def test_ready_tells_why_an_added_pod_does_not_come() -> None:
    problem = Problem(Reason.UNSCHEDULABLE, "0/1 nodes are available")
    told = Scaling(SPEC, fault="X: y").describe(replace(INFERENCE, wanted=3), problem)
    assert "1 of 3 inference pods are ready" in told
    assert told.endswith("the autoscaler cannot scale: X: y; 0/1 nodes are available")
