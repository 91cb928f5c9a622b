"""The Grafana dashboard: off by default, found by the sidecar, and it asks for metrics that there are."""

import json
import re
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bind_inference.modality import Modality
from bind_inference.readiness import Readiness
from bind_inference.scheduling.policy.cache import VectorCache
from bind_inference.telemetry.metrics import Metrics
from support.charts import CHARTS, NAMESPACE, RELEASE, pick, render, render_text
from support.dashboards import check_places

CHART = "weaviate-bind"
TINY = ("--set", "modules.multi2vec-bind.model.name=Tiny")
ON = (*TINY, "--set", "grafanaDashboard.enabled=true")
FILE: dict[str, Any] = json.loads((CHARTS / CHART / "files" / "dashboard.json").read_text())
QUERIES = {
    f"{panel['title']} {target['refId']}": target["expr"]
    for panel in FILE["panels"]
    for target in panel.get("targets", ())
}
# Words of PromQL; whatever else begins a selector is a metric.
METRIC = re.compile(r"\b((?:bind|process)_[a-z_]+)")


def exported() -> dict[str, set[str]]:
    """Return the labels of each series that the server exports, by its name."""
    metrics = Metrics()
    metrics.watch_cache(VectorCache(1))
    metrics.watch(lambda _: 0, lambda: 0, {"items": lambda: 0, "bytes": lambda: 0})
    metrics.readiness(Readiness(progress=0.5))
    metrics.serves("1", "Tiny", "cpu", "float32")
    metrics.request("/vectorize", 200, 0.1)
    for modality in Modality:
        metrics.item(modality, None)
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(metrics.render().decode()):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


EXPORTED = exported()


def dashboard(*arguments: str) -> dict[str, Any]:
    found = pick(render(CHART, *ON, *arguments), "ConfigMap", "inference-dashboard")
    ((_, content),) = found["data"].items()
    return json.loads(content)


def test_it_is_off_unless_asked_for() -> None:
    assert "dashboard" not in render_text(CHART, *TINY)


def test_the_sidecar_finds_it() -> None:
    metadata = pick(render(CHART, *ON), "ConfigMap", "inference-dashboard")["metadata"]
    assert metadata["labels"]["grafana_dashboard"] == "1"
    assert "namespace" not in metadata
    assert "annotations" not in metadata


def test_it_can_be_put_where_grafana_looks() -> None:
    where = ("--set", "grafanaDashboard.namespace=monitoring", "--set", "grafanaDashboard.labels.team=search")
    folder = ("--set", "grafanaDashboard.annotations.grafana_folder=Search")
    found = pick(render(CHART, *ON, *where, *folder), "ConfigMap", f"{NAMESPACE}-inference-dashboard")
    metadata = found["metadata"]
    assert metadata["namespace"] == "monitoring"
    assert metadata["labels"]["team"] == "search"
    assert metadata["annotations"] == {"grafana_folder": "Search"}


def test_it_opens_on_its_own_release_and_collides_with_no_other() -> None:
    one = dashboard()
    chosen = {item["name"]: item.get("current", {}).get("value") for item in one["templating"]["list"]}
    assert chosen["namespace"] == [NAMESPACE]
    assert chosen["job"] == [f"{RELEASE}-inference"]
    assert one["title"].endswith(f"{NAMESPACE}/{RELEASE}")
    other = dashboard("--namespace", "elsewhere")
    assert one["uid"] != other["uid"]
    assert len(one["uid"]) <= 40  # Grafana's bound


def test_the_release_changes_nothing_else() -> None:
    found = dashboard()
    assert found["panels"] == FILE["panels"]
    assert found.keys() == FILE.keys()


def test_there_is_none_without_inference_pods() -> None:
    elsewhere = (
        "--set", "modules.multi2vec-bind.enabled=false",
        "--set", "modules.multi2vec-bind.inferenceUrl=http://inference.example.com",
    )  # fmt: skip
    assert "dashboard" not in render_text(CHART, *ON, *elsewhere)


@pytest.mark.parametrize("query", QUERIES)
def test_every_metric_that_it_asks_for_is_exported(query: str) -> None:
    names = set(METRIC.findall(QUERIES[query]))
    assert names
    assert names - EXPORTED.keys() == set()


@pytest.mark.parametrize("query", QUERIES)
def test_it_groups_by_labels_that_there_are(query: str) -> None:
    labels = set[str]().union(*(EXPORTED[name] for name in METRIC.findall(QUERIES[query])))
    added_by_scraping = {"pod", "namespace", "job"}
    for group in re.findall(r"by \(([^)]*)\)", QUERIES[query]):
        assert set(group.split(", ")) <= labels | added_by_scraping


def test_it_shows_every_metric_of_the_server() -> None:
    asked = set[str]().union(*(METRIC.findall(expression) for expression in QUERIES.values()))
    asked = {re.sub(r"_(bucket|sum|count)$", "", name) for name in asked}
    ours = {
        re.sub(r"_(bucket|sum|count|created)$", "", name) for name in EXPORTED if name.startswith("bind_")
    }
    ours = {name if f"{name}_total" not in EXPORTED else f"{name}_total" for name in ours}
    assert ours - asked == set()


def test_panels_lie_beside_each_other() -> None:
    check_places(FILE["panels"])
