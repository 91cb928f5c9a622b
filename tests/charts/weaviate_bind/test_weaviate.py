"""The Weaviate side: its environment, its nodes, its Services and volumes."""

import json

import pytest

from bind_operator.policy import names
from support.charts import NAMESPACE, containers, env, pick, refusal, render

TINY = ("--set", "modules.multi2vec-bind.model.name=Tiny")


def _weaviate(*settings: str) -> dict[str, object]:
    """Return the environment of Weaviate with some values set."""
    arguments = [part for setting in settings for part in ("--set", setting)]
    return env(_pod(*arguments)["weaviate"])


def _pod(*arguments: str):
    stateful = pick(render("weaviate-bind", *TINY, *arguments), "StatefulSet")
    return containers(stateful["spec"]["template"]["spec"])


def test_weaviate_asks_the_gate_in_its_own_pod() -> None:
    found = _weaviate()
    assert found["ENABLE_MODULES"] == "multi2vec-bind"
    assert found["DEFAULT_VECTORIZER_MODULE"] == "multi2vec-bind"
    assert found["BIND_INFERENCE_API"] == "http://127.0.0.1:8181"
    assert _weaviate("gate.port=9000")["BIND_INFERENCE_API"] == "http://127.0.0.1:9000"


def test_a_node_is_called_as_its_pod() -> None:
    assert _weaviate()["CLUSTER_HOSTNAME"] == {"fieldRef": {"fieldPath": "metadata.name"}}
    assert _weaviate()["CLUSTER_JOIN"] == f"shop-weaviate-headless.{NAMESPACE}.svc.cluster.local."


@pytest.mark.parametrize(("replicas", "voters"), [(1, 1), (2, 1), (3, 3), (9, 3), (10, 5)])
def test_voters_are_an_odd_number_of_the_first_nodes(replicas: int, voters: int) -> None:
    found = _weaviate(f"replicas={replicas}")
    assert found["RAFT_BOOTSTRAP_EXPECT"] == str(voters)
    assert found["RAFT_JOIN"] == ",".join(f"shop-weaviate-{number}" for number in range(voters))


def test_it_may_not_be_kept_from_the_gate_s_address() -> None:
    guard = "env.MODULES_VALIDATE_BASE_URL"
    assert _weaviate(f"{guard}=false")["MODULES_VALIDATE_BASE_URL"] == "false"
    for on in ("true", "ON", "1"):
        assert f"{guard} is on" in refusal("weaviate-bind", *TINY, "--set", f"{guard}={on}")


def test_voters_can_be_chosen_and_not_be_more_than_nodes() -> None:
    found = _weaviate("replicas=5", "env.RAFT_BOOTSTRAP_EXPECT=5")
    assert found["RAFT_JOIN"].count(",") == 4
    assert "RAFT_BOOTSTRAP_EXPECT is 2" in refusal(
        "weaviate-bind", *TINY, "--set", "env.RAFT_BOOTSTRAP_EXPECT=2"
    )


def test_several_nodes_start_at_once_and_find_each_other_before_they_are_ready() -> None:
    objects = render("weaviate-bind", *TINY, "--set", "replicas=3")
    assert pick(objects, "StatefulSet")["spec"]["podManagementPolicy"] == "Parallel"
    assert pick(objects, "StatefulSet")["spec"]["serviceName"] == "shop-weaviate-headless"
    headless = pick(objects, "Service", "weaviate-headless")["spec"]
    assert (headless["clusterIP"], headless["publishNotReadyAddresses"]) == ("None", True)


def test_the_users_environment_wins_and_numbers_keep_their_digits() -> None:
    found = _weaviate(
        "env.QUERY_MAXIMUM_RESULTS=10000000",
        "env.LIMIT=0.5",
        "env.LIMIT_RESOURCES=true",
        "env.DEFAULT_VECTORIZER_MODULE=none",
    )
    assert found["QUERY_MAXIMUM_RESULTS"] == "10000000"
    assert found["LIMIT"] == "0.5"
    assert found["LIMIT_RESOURCES"] == "true"
    assert found["DEFAULT_VECTORIZER_MODULE"] == "none"


def test_numbers_of_a_values_file_keep_their_digits(tmp_path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text("env: {QUERY_MAXIMUM_RESULTS: 10000000, LIMIT: 0.5}\n")
    found = env(_pod("--values", str(file))["weaviate"])
    assert (found["QUERY_MAXIMUM_RESULTS"], found["LIMIT"]) == ("10000000", "0.5")


def test_a_secret_replaces_what_the_chart_sets_itself() -> None:
    weaviate = _pod("--set", "envSecrets.AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED=keys")["weaviate"]
    entries = [item for item in weaviate["env"] if item["name"] == "AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED"]
    assert [item["valueFrom"]["secretKeyRef"]["name"] for item in entries] == ["keys"]


@pytest.mark.parametrize(
    ("limit", "mebibytes"), [("4Gi", 3276.8), ("1.5Gi", 1228.8), ("512Mi", 409.6), ("512M", 390.6)]
)
def test_go_collects_before_the_kernel_kills(limit: str, mebibytes: float) -> None:
    found = str(_weaviate(f"resources.limits.memory={limit}")["GOMEMLIMIT"])
    number, unit = found[:-3], found[-3:]
    assert float(number) / {"KiB": 1024, "MiB": 1}[unit] == pytest.approx(mebibytes, rel=0.03)


def test_services_reach_weaviate_inside_the_cluster_only() -> None:
    objects = render("weaviate-bind", *TINY)
    http, grpc = (
        pick(objects, "Service", "weaviate")["spec"],
        pick(objects, "Service", "weaviate-grpc")["spec"],
    )
    assert (http["type"], http["ports"][0]["port"], http["ports"][0]["targetPort"]) == (
        "ClusterIP",
        80,
        "http",
    )
    assert (grpc["type"], grpc["ports"][0]["port"], grpc["ports"][0]["targetPort"]) == (
        "ClusterIP",
        50051,
        "grpc",
    )


@pytest.mark.parametrize("policy", ["Retain", "Delete"])
def test_volumes_outlive_the_release_as_told(policy: str) -> None:
    accept = ("--set", "modules.multi2vec-bind.model.licenseAccepted=true")
    objects = render("weaviate-bind", *accept, "--set", f"storage.retentionPolicy={policy}")
    claims = pick(objects, "StatefulSet")["spec"]["persistentVolumeClaimRetentionPolicy"]
    assert claims == {"whenDeleted": policy, "whenScaled": "Retain"}
    notes = pick(objects, "PersistentVolumeClaim", "model-cache")["metadata"].get("annotations", {})
    assert notes == ({"helm.sh/resource-policy": "keep"} if policy == "Retain" else {})


def test_the_operator_reaches_what_its_live_check_asks_where_policies_are_on() -> None:
    peers = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "bind-system"}}}]
    operator = ("--set-json", f"networkPolicy={json.dumps({'enabled': True, 'operator': peers})}")
    rules = pick(render("weaviate-bind", *TINY, *operator), "NetworkPolicy", "weaviate")["spec"]["ingress"]
    (rule,) = (rule for rule in rules if rule.get("from") == peers)
    assert rule["ports"] == [{"port": "http"}, {"port": names.GATE_PORT}]


def test_another_gate_configuration_restarts_the_pods() -> None:
    def checksum(*arguments: str) -> str:
        pod = pick(render("weaviate-bind", *TINY, *arguments), "StatefulSet")["spec"]["template"]
        return str(pod["metadata"]["annotations"]["checksum/gate"])

    assert checksum() == checksum("--set", "replicas=3")
    assert checksum() != checksum("--set", "gate.retries=5")


def test_nodes_may_have_the_names_that_their_data_knows_them_by() -> None:
    name = ("--set", "clusterNodeName=weaviate", "--set", "replicas=3")
    pod = pick(render("weaviate-bind", *TINY, *name), "StatefulSet")["spec"]["template"]["spec"]
    variables = env(containers(pod)["weaviate"])
    assert variables["RAFT_JOIN"] == "weaviate-0,weaviate-1,weaviate-2"
    assert variables["CLUSTER_HOSTNAME"] == "weaviate-$(WEAVIATE_POD_INDEX)"
    path = variables["WEAVIATE_POD_INDEX"]["fieldRef"]["fieldPath"]
    assert path == "metadata.labels['apps.kubernetes.io/pod-index']"
    # Kubernetes puts in only what stands above.
    names = list(variables)
    assert names.index("WEAVIATE_POD_INDEX") < names.index("CLUSTER_HOSTNAME")
