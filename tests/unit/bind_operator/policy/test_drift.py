"""What is done about drift, by situations."""

from typing import Any

import pytest

from bind_operator.api.drift import DriftDetection
from bind_operator.policy.drift import (
    PLURALS,
    REPLICAS,
    Difference,
    Finding,
    Ref,
    Report,
    build_body,
    build_removal,
    compare,
    describe_corrections,
    describe_report,
    desired_object,
    judge_drift,
    missing,
    without_defaults,
)
from bind_operator.policy.facts import Key
from bind_operator.policy.fields import Item
from support.charts import CHARTS, render

DEPLOYMENT = Ref("Deployment", "t-inference")
SERVICE = Ref("Service", "t-weaviate")
IMAGE = ("spec", "image")
LIVE: dict[str, Any] = {"metadata": {"resourceVersion": "7"}, "spec": {"replicas": 4, "image": "b"}}
SCALED = Finding(DEPLOYMENT, (Difference(REPLICAS, "kubectl"), Difference(IMAGE)), LIVE)


def judge(
    *findings: Finding, scaled: bool = False, contested: tuple[Any, ...] = (), **detection: Any
) -> Report:
    return judge_drift(
        findings,
        DriftDetection.model_validate(detection),
        lambda ref: scaled,
        lambda ref, difference: difference.path in contested,
    )


def corrected(report: Report) -> list[Any]:
    return [difference.path for one in report.corrections for difference in one.differences]


def test_all_is_put_back_by_default() -> None:
    report = judge(SCALED, missing(SERVICE))
    assert corrected(report) == [REPLICAS, IMAGE, ()]
    assert describe_corrections(report.corrections) == (
        "Deployment t-inference: spec.replicas (by kubectl), spec.image; Service t-weaviate is missing"
    )


def test_warn_puts_only_a_missing_workload_back() -> None:
    report = judge(SCALED, missing(SERVICE), missing(Ref("StatefulSet", "t-weaviate")), mode="Warn")
    assert [one.finding.ref.kind for one in report.corrections] == ["StatefulSet"]
    assert report.told == (
        "Deployment t-inference: spec.replicas (by kubectl), spec.image",
        "Service t-weaviate is missing",
    )


def test_disabled_puts_only_a_missing_workload_back_and_tells_nothing() -> None:
    report = judge(SCALED, missing(SERVICE), missing(DEPLOYMENT), mode="Disabled")
    assert [one.finding for one in report.corrections] == [missing(DEPLOYMENT)]
    assert (report.told, report.contested) == ((), ())


def test_replicas_are_an_autoscalers_where_one_is() -> None:
    report = judge(SCALED, scaled=True)
    assert corrected(report) == [IMAGE]
    assert build_body(report.corrections[0], {"spec": {"replicas": 1, "image": "a"}})["spec"] == {
        "replicas": 4,
        "image": "a",
    }


@pytest.mark.parametrize("writer", ["kube-controller-manager", "keda-operator"])
def test_replicas_are_an_autoscalers_that_wrote_them_last(writer: str) -> None:
    assert judge(Finding(DEPLOYMENT, (Difference(REPLICAS, writer),), LIVE)).corrections == ()


@pytest.mark.parametrize(
    ("rule", "left"),
    [
        ({"paths": ["/spec/replicas"]}, [IMAGE]),
        ({"paths": ["/spec"]}, []),
        ({"kind": "Deployment", "paths": [""]}, []),
        ({"kind": "Service", "paths": [""]}, [REPLICAS, IMAGE]),
        ({"name": "t-inference", "paths": ["/spec/replicas", "/spec/image"]}, []),
        ({"name": "t-other", "paths": ["/spec"]}, [REPLICAS, IMAGE]),
    ],
)
def test_what_is_ignored_is_neither_put_back_nor_told(rule: dict[str, Any], left: list[Any]) -> None:
    assert corrected(judge(SCALED, ignore=[rule])) == left
    assert bool(judge(SCALED, ignore=[rule], mode="Warn").told) is bool(left)


def test_a_field_that_is_fought_for_is_left_and_the_others_are_put_back() -> None:
    report = judge(SCALED, contested=(REPLICAS,))
    assert corrected(report) == [IMAGE]
    assert report.contested == ("Deployment t-inference: spec.replicas (by kubectl)",)
    assert "again and again" in describe_report(report)
    assert build_body(report.corrections[0], {"spec": {"replicas": 1, "image": "a"}})["spec"]["replicas"] == 4


def test_additions_are_removed_from_the_end_of_a_list_on() -> None:
    added = tuple(
        Difference(("env", Item(index, name)), is_added=True) for index, name in ((2, "A"), (10, "B"))
    )
    [correction] = judge(Finding(DEPLOYMENT, added, LIVE)).corrections
    assert build_removal(LIVE, correction.differences) == [
        {"op": "replace", "path": "/metadata/resourceVersion", "value": "7"},
        {"op": "remove", "path": "/env/10"},
        {"op": "remove", "path": "/env/2"},
    ]


def test_an_addition_that_is_the_default_is_none() -> None:
    added = Finding(DEPLOYMENT, (Difference(IMAGE, is_added=True), Difference(REPLICAS)), LIVE)
    assert without_defaults(added, {"spec": {"image": "b"}}).differences == (Difference(REPLICAS),)
    assert without_defaults(added, {"spec": {"image": "c"}}) == added
    assert without_defaults(added, {"spec": {}}) == added


def test_what_the_server_keeps_is_no_difference() -> None:
    wanted = {"metadata": {"labels": {"a": "1"}}, "spec": {"x": 1}}
    live = {"metadata": {"labels": {"a": "1"}, "resourceVersion": "1"}, "spec": {"x": 1}, "status": {"n": 1}}
    answer = {"metadata": {"labels": {"a": "1"}, "resourceVersion": "2"}, "spec": {"x": 1}, "status": {}}
    assert compare(SERVICE, live, wanted, answer) == Finding(SERVICE)


def test_no_message_holds_a_value() -> None:
    live = {"metadata": {}, "data": {"password": "s3cret"}}
    answer = {"metadata": {}, "data": {"password": "other"}}
    finding = compare(Ref("ConfigMap", "t"), live, answer, answer)
    assert describe_corrections(judge(finding).corrections) == "ConfigMap t: data.password"


def test_what_cannot_be_compared_is_said() -> None:
    report = judge(Finding(SERVICE, unknown="the API server answers 403: no"))
    assert report.corrections == ()
    assert describe_report(report) == "cannot be compared: Service t-weaviate: the API server answers 403: no"


def test_messages_are_bounded() -> None:
    many = tuple(Difference(("spec", f"field{number:03}" * 20)) for number in range(50))
    report = judge(*(Finding(Ref("Service", f"s{number}"), many, LIVE) for number in range(20)), mode="Warn")
    assert len(describe_report(report)) <= 1000


def test_an_object_is_wanted_with_what_helm_adds() -> None:
    wanted = desired_object(
        {"kind": "Service", "metadata": {"name": "t", "labels": {"a": "1"}}}, Key("n", "r")
    )
    assert wanted["metadata"] == {
        "name": "t",
        "namespace": "n",
        "labels": {"a": "1", "app.kubernetes.io/managed-by": "Helm"},
        "annotations": {"meta.helm.sh/release-name": "r", "meta.helm.sh/release-namespace": "n"},
    }


def test_every_kind_of_the_chart_is_known() -> None:
    scenarios = (CHARTS / "weaviate-bind" / "ci").glob("*-values.yaml")
    made = [item for path in scenarios for item in render("weaviate-bind", "--values", path)]
    kinds = {item["kind"]: item["apiVersion"] for item in made if item["kind"] != "Pod"}
    assert {kind: PLURALS[kind][0] for kind in kinds} == kinds
