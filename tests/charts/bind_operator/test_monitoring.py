"""The alerts and the dashboard of the operator ask for what there is, and are off unless asked for."""

import json
import re
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

from bind_operator import metrics
from bind_operator.api.backup_status import BackupStatus, GoodBackup
from bind_operator.api.retention import RetentionStatus
from bind_operator.api.status import BindVectorizerStatus, Condition, ConditionType
from bind_operator.policy.facts import Component, Key, Workload
from bind_operator.reasons import Reason
from bind_operator.reconcile.resource_metrics import RESOURCES
from support.charts import CHARTS, RELEASE, pick, render
from support.dashboards import check_places
from support.promql import asked

FILES = CHARTS / "bind-operator" / "files"
ALERTS: dict[str, dict[str, Any]] = {
    rule["alert"]: rule
    for group in yaml.safe_load((FILES / "alerts.yaml").read_text())["groups"]
    for rule in group["rules"]
}
DASHBOARD: dict[str, Any] = json.loads((FILES / "dashboard.json").read_text())
QUERIES = {
    f"{panel['title']} {target['refId']}": target["expr"]
    for panel in DASHBOARD["panels"]
    for target in panel.get("targets", ())
}
OF_THE_SERVER = {"bind_items_total", "bind_queue_items", "bind_decode_queue_items"}
"""These are held against the server in the tests of its own dashboard."""
BY_SCRAPING = {"namespace", "job", "pod"}
EVERYTHING = ("--set", "metrics.serviceMonitor=true", "--set", "metrics.prometheusRule=true",
              "--set", "grafanaDashboard.enabled=true")  # fmt: skip


def exported() -> dict[str, set[str]]:
    """Return the labels of each series of the operator, by its name."""
    found: dict[str, set[str]] = {}
    for metric in vars(metrics).values():
        if hasattr(metric, "_labelnames"):
            metric.labels(*metric._labelnames) if metric._labelnames else metric
    key = Key("demo", "search")
    one = Condition(
        type=ConditionType.READY, status="True", reason=Reason.IN_SYNC, message="", observed_generation=1,
        last_transition_time="2026-11-27T00:00:00Z",
    )  # fmt: skip
    workload = Workload("search-x", "search", 1, 1, is_current=True)
    at = "2026-11-27T00:00:00Z"
    retention = RetentionStatus(last_run_time=at, kept=7)
    backup = BackupStatus(last_success=GoodBackup(id="x", time=at), retention=retention)
    RESOURCES.note(
        key, BindVectorizerStatus(conditions=[one], backup=backup), {Component.INFERENCE: workload}
    )
    for family in REGISTRY.collect():
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    RESOURCES.forget(key)
    return found


EXPORTED = exported()


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_asks_for_series_and_labels_that_there_are(name: str) -> None:
    found = asked(ALERTS[name]["expr"])
    assert found.metrics
    assert found.metrics - EXPORTED.keys() == set()
    there = set[str]().union(*(EXPORTED[metric] for metric in found.metrics))
    assert found.labels - there == set()


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_how_bad_it_is_and_what_to_do(name: str) -> None:
    rule = ALERTS[name]
    assert rule["labels"]["severity"] in ("warning", "critical")
    assert set(rule["annotations"]) == {"summary", "description"}
    assert re.fullmatch(r"\d+m", rule["for"])
    text = " ".join(rule["annotations"].values())
    there = set[str]().union(*(EXPORTED[metric] for metric in asked(rule["expr"]).metrics))
    assert set(re.findall(r"\$labels\.(\w+)", text)) <= there


@pytest.mark.parametrize("expression", [*(rule["expr"] for rule in ALERTS.values()), *QUERIES.values()])
def test_words_of_the_status_are_those_of_the_operator(expression: str) -> None:
    for name, words in re.findall(r'(type|reason|status|component)!?=~?"([^"$]+)"', expression):
        known: dict[str, set[str]] = {
            "type": set(ConditionType), "reason": set(Reason), "status": {"True", "False", "Unknown"},
            "component": set(Component),
        }  # fmt: skip
        assert set(words.split("|")) <= known[name], expression


@pytest.mark.parametrize("query", QUERIES)
def test_a_panel_asks_for_series_and_labels_that_there_are(query: str) -> None:
    found = asked(QUERIES[query])
    assert found.metrics
    assert found.metrics - EXPORTED.keys() - OF_THE_SERVER == set()
    if not found.metrics & OF_THE_SERVER:
        there = set[str]().union(*(EXPORTED[name] for name in found.metrics))
        assert found.labels - there - BY_SCRAPING == set()


def test_the_dashboard_shows_every_metric_of_the_operator() -> None:
    shown = set[str]().union(*(asked(expression).metrics for expression in QUERIES.values()))
    shown = {re.sub(r"_(bucket|sum|count)$", "", name) for name in shown}
    ours = {re.sub(r"_(bucket|sum|count|created)$", "", n) for n in EXPORTED if n.startswith("bind_operator")}
    ours = {f"{name}_total" if f"{name}_total" in EXPORTED else name for name in ours}
    assert ours - shown == set()


def test_panels_lie_beside_each_other() -> None:
    check_places(DASHBOARD["panels"])


def test_all_of_it_is_off_unless_asked_for() -> None:
    objects = render("bind-operator")
    assert not {"ServiceMonitor", "PrometheusRule"} & {item["kind"] for item in objects}
    assert not [item for item in objects if "dashboard" in item["metadata"]["name"]]


def test_prometheus_finds_both_by_their_labels() -> None:
    objects = render("bind-operator", *EVERYTHING, "--set", "metrics.labels.release=kube-prometheus")
    for kind in ("ServiceMonitor", "PrometheusRule"):
        assert pick(objects, kind)["metadata"]["labels"]["release"] == "kube-prometheus"
    # Else the namespace of a resource's series would be that of the operator.
    assert pick(objects, "ServiceMonitor")["spec"]["endpoints"][0]["honorLabels"] is True


def test_the_rules_come_as_they_are_in_the_file() -> None:
    rule = pick(render("bind-operator", *EVERYTHING), "PrometheusRule")
    assert rule["spec"] == yaml.safe_load((FILES / "alerts.yaml").read_text())


def test_the_sidecar_finds_the_dashboard() -> None:
    where = ("--set", "grafanaDashboard.namespace=monitoring", "--set", "grafanaDashboard.labels.team=search")
    found = pick(render("bind-operator", *EVERYTHING, *where), "ConfigMap", "dashboard")
    assert found["metadata"]["namespace"] == "monitoring"
    assert found["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert found["metadata"]["labels"]["team"] == "search"
    assert json.loads(found["data"][f"{RELEASE}.json"]) == DASHBOARD
