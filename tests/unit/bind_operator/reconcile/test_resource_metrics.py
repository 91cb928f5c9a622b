"""What Prometheus sees of each resource."""

from prometheus_client import CollectorRegistry, generate_latest

from bind_operator.api.backup_status import BackupStatus
from bind_operator.api.retention import RetentionStatus
from bind_operator.api.status import BindVectorizerStatus, Condition, ConditionType, ReleaseStatus
from bind_operator.policy.facts import Component, Key, Workload
from bind_operator.reconcile.resource_metrics import ResourceMetrics

SEARCH = Key("demo", "search")
NAMED = 'name="search",namespace="demo"'
RUNS = 'chart="weaviate-bind-1.0.0",device="CPU",model="Tiny"'


def status(ready: str, reason: str) -> BindVectorizerStatus:
    found = Condition(
        type=ConditionType.READY, status=ready, reason=reason, message="", observed_generation=1,
        last_transition_time="2026-11-27T00:00:00Z",
    )  # fmt: skip
    release = ReleaseStatus(name="search", revision=3, chart="weaviate-bind-1.0.0", digest="abc")
    return BindVectorizerStatus(conditions=[found], release=release, device="CPU", model="Tiny")


def lines(metrics: ResourceMetrics) -> set[str]:
    registry = CollectorRegistry()
    registry.register(metrics)
    return {line for line in generate_latest(registry).decode().splitlines() if not line.startswith("#")}


def workload(wanted: int, ready: int) -> Workload:
    return Workload("search-x", "search", wanted, ready, is_current=True)


def test_a_resource_has_its_conditions_its_pods_and_what_it_runs() -> None:
    metrics = ResourceMetrics()
    workloads = {
        Component.WEAVIATE: workload(1, 1),
        Component.GATE: None,
        Component.INFERENCE: workload(3, 2),
    }
    metrics.note(SEARCH, status("True", "InSync"), workloads)
    assert lines(metrics) == {
        f'bind_operator_resource_condition{{{NAMED},reason="InSync",status="True",type="Ready"}} 1.0',
        f'bind_operator_resource_info{{{RUNS},{NAMED},revision="3"}} 1.0',
        f'bind_operator_resource_wanted_pods{{component="weaviate",{NAMED}}} 1.0',
        f'bind_operator_resource_ready_pods{{component="weaviate",{NAMED}}} 1.0',
        f'bind_operator_resource_wanted_pods{{component="inference",{NAMED}}} 3.0',
        f'bind_operator_resource_ready_pods{{component="inference",{NAMED}}} 2.0',
    }


def test_it_has_how_many_backups_are_kept_and_whether_old_ones_can_be_removed() -> None:
    metrics = ResourceMetrics()
    for failure, value in ((None, "0.0"), ("AccessDenied", "1.0")):
        retention = RetentionStatus(last_run_time="2026-11-27T00:00:00Z", kept=7, failure=failure)
        found = status("True", "InSync").model_copy(update={"backup": BackupStatus(retention=retention)})
        metrics.note(SEARCH, found, {})
        assert f"bind_operator_resource_backups_kept{{{NAMED}}} 7.0" in lines(metrics)
        assert f"bind_operator_resource_retention_failed{{{NAMED}}} {value}" in lines(metrics)
    metrics.note(SEARCH, status("True", "InSync"), {})
    assert not [line for line in lines(metrics) if "retention" in line or "backups" in line]


def test_a_reason_that_is_over_leaves_no_series_behind() -> None:
    metrics = ResourceMetrics()
    metrics.note(SEARCH, status("False", "OutOfMemory"), {})
    metrics.note(SEARCH, status("True", "InSync"), {})
    found = [line for line in lines(metrics) if line.startswith("bind_operator_resource_condition")]
    assert len(found) == 1
    assert "OutOfMemory" not in found[0]


def test_a_resource_that_is_gone_has_no_series() -> None:
    metrics = ResourceMetrics()
    metrics.note(SEARCH, status("True", "InSync"), {Component.WEAVIATE: workload(1, 1)})
    metrics.note(Key("demo", "other"), status("True", "InSync"), {})
    metrics.forget(SEARCH)
    assert not [line for line in lines(metrics) if 'name="search"' in line]
    assert [line for line in lines(metrics) if 'name="other"' in line]
    metrics.forget(SEARCH)


def test_a_resource_without_a_release_has_conditions_all_the_same() -> None:
    metrics = ResourceMetrics()
    found = status("False", "InvalidSpec").model_copy(update={"release": None, "device": None, "model": None})
    metrics.note(SEARCH, found, {})
    assert f'bind_operator_resource_info{{chart="",device="",model="",{NAMED},revision=""}} 1.0' in lines(
        metrics
    )
