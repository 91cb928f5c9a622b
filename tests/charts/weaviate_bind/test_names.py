"""The operator looks for what the chart makes: both must mean the same names and ports."""

from typing import Any

import pytest

from bind_inference.settings import InvalidSetting, read_settings
from bind_operator.api.identity import MAX_NAME_LENGTH
from bind_operator.api.rules import RULES
from bind_operator.policy import names
from bind_operator.policy.facts import Component
from bind_operator.policy.objects import component_of, instance_selector
from support.charts import CHARTS, NAMESPACE, RELEASE, helm, pick, refusal, render

TINY = CHARTS / "weaviate-bind" / "ci" / "tiny-values.yaml"
LABEL_LENGTH = 63


@pytest.fixture(scope="module")
def manifests() -> list[dict[str, Any]]:
    return render(names.CHART, "--values", TINY)


def only_port(service: dict[str, Any]) -> int:
    (port,) = service["spec"]["ports"]
    return int(port["port"])


@pytest.mark.parametrize(
    ("kind", "component"), [("StatefulSet", Component.WEAVIATE), ("Deployment", Component.INFERENCE)]
)
def test_a_workload_its_service_and_its_container(
    manifests: list[dict[str, Any]], kind: str, component: Component
) -> None:
    workload = pick(manifests, kind)
    assert workload["metadata"]["name"] == names.workload_name(RELEASE, component)
    assert component in [item["name"] for item in workload["spec"]["template"]["spec"]["containers"]]
    assert pick(manifests, "Service", component)


def test_the_labels_by_which_the_operator_finds_its_pods(manifests: list[dict[str, Any]]) -> None:
    pods = {kind: pick(manifests, kind)["spec"]["template"] for kind in ("StatefulSet", "Deployment")}
    assert {kind: component_of(pod) for kind, pod in pods.items()} == {
        "StatefulSet": Component.WEAVIATE,
        "Deployment": Component.INFERENCE,
    }
    claims = pick(manifests, "StatefulSet")["spec"]["volumeClaimTemplates"]
    for item in [*pods.values(), *claims]:
        labels = {f"{name}={value}" for name, value in item["metadata"]["labels"].items()}
        assert set(instance_selector(RELEASE).split(",")) <= labels


def test_all_that_ask_for_the_licence_name_it() -> None:
    (rule,) = (rule for rule in RULES if rule.name == "licence-is-accepted")
    with pytest.raises(InvalidSetting) as told:
        read_settings([])
    for text in (rule.message, refusal(names.CHART), str(told.value)):
        assert "CC BY-NC-SA 4.0" in text
        assert "no commercial use" in text


def test_the_addresses_of_the_status_are_those_of_the_services(manifests: list[dict[str, Any]]) -> None:
    rest, grpc, inference = (
        pick(manifests, "Service", name) for name in ("weaviate", "weaviate-grpc", "inference")
    )
    assert only_port(rest) == 80
    assert names.rest_url(RELEASE, NAMESPACE) == f"http://{rest['metadata']['name']}.{NAMESPACE}.svc"
    address = f"{grpc['metadata']['name']}.{NAMESPACE}.svc:{only_port(grpc)}"
    assert names.grpc_address(RELEASE, NAMESPACE) == address
    url = f"http://{inference['metadata']['name']}.{NAMESPACE}.svc:{only_port(inference)}"
    assert names.inference_url(RELEASE, NAMESPACE) == url


def test_the_volume_claims(manifests: list[dict[str, Any]]) -> None:
    stateful_set = pick(manifests, "StatefulSet")
    (template,) = stateful_set["spec"]["volumeClaimTemplates"]
    name = f"{template['metadata']['name']}-{stateful_set['metadata']['name']}-2"
    assert names.data_claim_name(RELEASE, 2) == name
    accepted = ("--set", f"modules.{names.MODULE}.model.licenseAccepted=true")
    cache = pick(render(names.CHART, *accepted), "PersistentVolumeClaim")
    assert names.cache_claim_name(RELEASE) == cache["metadata"]["name"]
    wide = ("--set", f"modules.{names.MODULE}.cache.accessModes={{ReadWriteMany}}")
    cache = pick(render(names.CHART, *accepted, *wide), "PersistentVolumeClaim")
    assert names.cache_claim_name(RELEASE, is_wide=True) == cache["metadata"]["name"]


def test_the_gates_listen_where_the_live_check_asks(manifests: list[dict[str, Any]]) -> None:
    # A headless Service's port is the pod's: the DNS gives the addresses of pods.
    service = pick(manifests, "Service", "weaviate-headless")
    ports = {port["name"]: port["port"] for port in service["spec"]["ports"]}
    url = f"http://{service['metadata']['name']}.{NAMESPACE}.svc:{ports['gate-health']}"
    assert names.gate_url(RELEASE, NAMESPACE) == url
    gate, _ = pick(manifests, "StatefulSet")["spec"]["template"]["spec"]["initContainers"]
    assert gate["ports"] == [{"name": "gate-health", "containerPort": names.GATE_PORT}]


def test_weaviate_loads_the_module_that_the_live_check_asks_for(manifests: list[dict[str, Any]]) -> None:
    (container,) = pick(manifests, "StatefulSet")["spec"]["template"]["spec"]["containers"]
    env = {item["name"]: item.get("value") for item in container["env"]}
    assert env["ENABLE_MODULES"] == names.MODULE


def test_all_names_of_the_longest_release_are_labels(manifests: list[dict[str, Any]]) -> None:
    suffixes = [
        item["metadata"]["name"].removeprefix(RELEASE) for item in manifests if "/" not in item["kind"]
    ]
    assert max(map(len, suffixes)) + MAX_NAME_LENGTH <= LABEL_LENGTH


@pytest.mark.parametrize(
    ("repository", "is_upstream"),
    [
        ("semitechnologies/multi2vec-bind", True),
        ("multi2vec-bind", True),
        ("mirror/team/multi2vec-bind", True),
        ("bindvectorizer/bind-inference", False),
        ("mirror/my-multi2vec-bind", False),
        ("multi2vec-bind/server", False),
        ("mirror/multi2vec-bind-cuda", False),
        ("mirror/Multi2vec-bind", False),
    ],
)
def test_chart_and_operator_agree_on_what_is_upstreams_image(repository: str, *, is_upstream: bool) -> None:
    # Only upstream's image is rendered without the licence: it brings its own weights along.
    rendered = helm(
        "template", RELEASE, CHARTS / names.CHART, "--set", f"modules.{names.MODULE}.repo={repository}"
    )
    assert (rendered.returncode == 0) is is_upstream
    assert is_upstream or "licenseAccepted" in rendered.stderr
    assert names.is_upstream_image(repository) is is_upstream
