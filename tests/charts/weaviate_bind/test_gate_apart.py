"""The gate as pods of its own, for a Weaviate that is there already."""

import re
from typing import Any

import pytest

from bind_operator.policy import names
from bind_operator.policy.external import weaviate_settings
from bind_operator.policy.facts import Component, Key
from bind_operator.policy.objects import component_of
from support.charts import CHARTS, NAMESPACE, RELEASE, containers, pick, refusal, render

SCENARIO = CHARTS / "weaviate-bind" / "ci" / "external-weaviate-values.yaml"
TINY = ("--set", "modules.multi2vec-bind.model.name=Tiny")
APART = (*TINY, "--set", "gate.mode=Deployment")


def peers(rule: dict[str, Any]) -> list[str]:
    """Return the namespaces, or the components, that a rule of a network policy lets in."""
    found = []
    for peer in rule.get("from", []):
        labels = (peer.get("namespaceSelector") or peer["podSelector"])["matchLabels"]
        name = "kubernetes.io/metadata.name"
        found.append(labels.get(name, labels.get("app.kubernetes.io/component")))
    return found


def ingress(name: str) -> dict[str, list[str]]:
    """Return who is let in to which port."""
    rules = pick(render("weaviate-bind", "--values", SCENARIO), "NetworkPolicy", name)["spec"]["ingress"]
    return {",".join(str(port["port"]) for port in rule["ports"]): peers(rule) for rule in rules}


def test_there_is_a_gate_and_no_weaviate() -> None:
    found = {(item["kind"], item["metadata"]["name"]) for item in render("weaviate-bind", *APART)}
    assert {kind for kind, name in found if "weaviate" in name} == set()
    assert {kind for kind, name in found if name == f"{RELEASE}-gate"} == {
        "ConfigMap",
        "Deployment",
        "NetworkPolicy",
        "PodDisruptionBudget",
        "Service",
    }


def test_the_address_that_weaviate_is_told_is_that_of_the_service() -> None:
    service = pick(render("weaviate-bind", *APART), "Service", "gate")
    ports = {port["name"]: port["port"] for port in service["spec"]["ports"]}
    assert ports == {"http": 80, "gate-health": names.GATE_PORT, "large-health": 8183}
    address = f"http://{service['metadata']['name']}.{NAMESPACE}.svc"
    assert names.gate_address(RELEASE, NAMESPACE) == address
    assert weaviate_settings(Key(NAMESPACE, RELEASE)).env["BIND_INFERENCE_API"] == address
    assert names.external_gate_url(RELEASE, NAMESPACE) == f"{address}:{ports['gate-health']}"


def test_the_first_process_is_the_pods_and_the_second_outlives_it() -> None:
    """A body of Weaviate's goes through both, so the second must not end while the first still works."""
    deployment = pick(render("weaviate-bind", *APART), "Deployment", "gate")
    assert deployment["metadata"]["name"] == names.workload_name(RELEASE, Component.GATE)
    template = deployment["spec"]["template"]
    assert component_of(template) is Component.GATE
    assert [one["name"] for one in template["spec"]["containers"]] == ["gate"]
    (second,) = template["spec"]["initContainers"]
    assert (second["name"], second["restartPolicy"]) == ("gate-large", "Always")
    assert "restartPolicy" not in template["spec"]["containers"][0]


def test_a_pod_that_goes_has_time_for_what_it_has_accepted() -> None:
    objects = render("weaviate-bind", *APART)
    texts = pick(objects, "ConfigMap", "gate")["data"]
    text = texts["Caddyfile"]
    # The second process is asked to end when the first has, and then has nothing to wait for.
    assert "shutdown_delay" not in texts["Caddyfile.large"]
    waits = sum(int(re.search(rf"{word} (\d+)s", text)[1]) for word in ("shutdown_delay", "grace_period"))
    spec = pick(objects, "Deployment", "gate")["spec"]
    assert spec["template"]["spec"]["terminationGracePeriodSeconds"] > waits
    assert spec["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}


def test_beside_weaviate_nothing_of_it_is_there() -> None:
    objects = render("weaviate-bind", *TINY, "--set", "gate.weaviate.url=http://w.local")
    texts = pick(objects, "ConfigMap", "gate")["data"]
    for text in texts.values():
        for word in ("shutdown_delay", "X-Gate-Name", "w.local", "closing"):
            assert word not in text
    assert "bind 127.0.0.1" in texts["Caddyfile"]


def test_the_gate_calls_itself_as_the_operator_expects() -> None:
    text = pick(render("weaviate-bind", *APART), "ConfigMap", "gate")["data"]["Caddyfile"]
    assert f"header_up X-Gate-Name {names.gate_name(RELEASE, NAMESPACE)}\n" in text


def test_a_key_that_is_not_there_keeps_no_gate_from_starting() -> None:
    spec = pick(render("weaviate-bind", "--values", SCENARIO), "Deployment", "gate")["spec"]["template"][
        "spec"
    ]
    secrets = {one["name"]: one["secret"] for one in spec["volumes"] if "secret" in one}
    assert secrets["weaviate-api-key"]["optional"] is True
    assert "optional" not in secrets["weaviate-ca"]
    mounts = {one["name"] for one in containers(spec)["gate"]["volumeMounts"]}
    assert set(secrets) <= mounts
    # It works on bodies, and asks nobody by itself.
    assert not set(secrets) & {one["name"] for one in containers(spec)["gate-large"]["volumeMounts"]}


def test_who_may_reach_what() -> None:
    assert ingress("gate") == {
        "gate": ["search", "test"],
        "8182": ["bind-system"],
        "8182,8183": ["monitoring"],
    }
    assert ingress("inference") == {"http": ["gate", "inference", "monitoring", "bind-system"]}


def test_the_monitor_finds_both_processes() -> None:
    objects = render("weaviate-bind", "--values", SCENARIO)
    monitor = pick(objects, "ServiceMonitor", "gate")["spec"]
    service = pick(objects, "Service", "gate")
    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert [one["port"] for one in monitor["endpoints"]] == ["gate-health", "large-health"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            ("modules.multi2vec-bind.enabled=false", "modules.multi2vec-bind.inferenceUrl=http://b.local"),
            "nothing but a proxy is left to run",
        ),
        (("gate.weaviate.ca.existingSecret=ca", "gate.weaviate.url=http://w.local"), "with https://"),
        (("gate.weaviate.url=http://w.local/v1",), "url"),
        (("gate.mode=DaemonSet",), "mode"),
        (("modules.multi2vec-bind.inferenceCa.existingSecret=ca",), "inferenceCa.existingSecret is set"),
    ],
)
def test_what_cannot_work_is_refused(settings: tuple[str, ...], message: str) -> None:
    sets = [part for setting in settings for part in ("--set", setting)]
    assert message in refusal("weaviate-bind", *APART, *sets)
