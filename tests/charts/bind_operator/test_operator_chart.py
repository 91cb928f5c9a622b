"""The operator's chart: rights, definition, settings, and whether the other chart takes what it renders."""

import json

import pytest
import yaml

from bind_operator.api.identity import GROUP
from bind_operator.settings import Images
from support.charts import CHARTS, RELEASE, containers, env, pick, pod_specs, refusal, render
from support.rendered import SAMPLES, rendered_values, sample_resource

ROOT = CHARTS.parent
NAMESPACED = ("--set", "watchNamespaces={search,staging}")
ALL_VERBS = {"*"}


def test_rights_are_named_one_by_one() -> None:
    rules = pick(render("bind-operator"), "ClusterRole", RELEASE)["rules"]
    for rule in rules:
        for words in (rule["apiGroups"], rule["resources"], rule["verbs"]):
            assert not ALL_VERBS & set(words), rule


def test_named_namespaces_have_a_role_each_and_cluster_wide_only_what_lets_a_resource_go() -> None:
    objects = render("bind-operator", *NAMESPACED)
    bound = {item["roleRef"]["kind"] for item in objects if item["kind"] == "RoleBinding"}
    assert bound == {"Role"}
    finalizer = pick(objects, "ClusterRole", "finalizer-space")
    assert {resource: rule["verbs"] for rule in finalizer["rules"] for resource in rule["resources"]} == {
        "bindvectorizers": ["get", "list", "patch"],
        "namespaces": ["get"],
    }
    # Several operators of single namespaces may be in one cluster, each of the chart's usual name.
    binding = pick(objects, "ClusterRoleBinding")
    assert binding["roleRef"]["name"] == "shop-finalizer-space"
    for kind in ("Role", "RoleBinding"):
        made = [item["metadata"] for item in objects if item["kind"] == kind]
        # The Secret of the operator's own is where the operator is.
        own = [item for item in made if item["namespace"] == "space"]
        assert [item["name"] for item in own] == ["shop-keys"]
        made = [item for item in made if item not in own]
        assert {item["namespace"] for item in made} == {"search", "staging"}
        assert {item["name"] for item in made} == {"shop", "shop-leader"}
    operator = containers(pick(objects, "Deployment")["spec"]["template"]["spec"])["operator"]
    assert json.loads(env(operator)["BIND_OPERATOR_WATCH_NAMESPACES"]) == ["search", "staging"]


def test_named_namespaces_can_do_without_any_object_of_the_whole_cluster() -> None:
    without = ("--set", "crds.enabled=false", "--set", "rbac.aggregateRoles=false")
    without += ("--set", "rbac.finalize=false")
    kinds = {item["kind"] for item in render("bind-operator", *NAMESPACED, *without)}
    assert not {"ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition"} & kinds


def test_users_may_what_the_clusters_own_roles_say() -> None:
    roles = {
        item["metadata"]["name"].removeprefix(f"{RELEASE}-"): item
        for item in render("bind-operator")
        if item["kind"] == "ClusterRole" and item["metadata"]["name"] != RELEASE
    }
    verbs = {name: set(item["rules"][0]["verbs"]) for name, item in roles.items()}
    assert verbs == {
        "view": {"get", "list", "watch"},
        "edit": {"create", "update", "patch", "delete", "deletecollection"},
    }
    aggregated = {
        name: {label.rpartition("-")[2] for label in item["metadata"]["labels"] if "aggregate-to" in label}
        for name, item in roles.items()
    }
    assert aggregated == {"view": {"view", "edit", "admin"}, "edit": {"edit", "admin"}}
    assert all(rule["apiGroups"] == [GROUP] for item in roles.values() for rule in item["rules"])
    off = render("bind-operator", "--set", "rbac.aggregateRoles=false")
    assert {item["metadata"]["name"] for item in off if item["kind"] == "ClusterRole"} == {RELEASE}


def test_both_modes_give_the_same_rights() -> None:
    roles = [item for item in render("bind-operator", *NAMESPACED) if item["kind"] == "Role"]
    role = next(item for item in roles if item["metadata"]["name"] == RELEASE)
    assert role["rules"] == pick(render("bind-operator"), "ClusterRole", RELEASE)["rules"]


def test_one_lease_may_be_held_where_all_operators_look_for_it() -> None:
    role = pick(render("bind-operator"), "Role", "leader")
    assert role["metadata"]["namespace"] == "kube-system"
    verbs = {
        verb: rule.get("resourceNames")
        for rule in role["rules"]
        for verb in rule["verbs"]
        if rule["resources"] == ["leases"]
    }
    assert verbs == {"get": ["bind-operator"], "update": ["bind-operator"], "create": None}
    operator = containers(pick(render("bind-operator"), "Deployment")["spec"]["template"]["spec"])["operator"]
    assert env(operator)["BIND_OPERATOR_LEASE_NAMESPACE"] == "kube-system"
    assert env(operator)["BIND_OPERATOR_LEASE_NAME"] == "bind-operator"
    assert env(operator)["POD_NAME"] == {"fieldRef": {"fieldPath": "metadata.name"}}


HA = ("--values", CHARTS / "bind-operator/ci/ha-values.yaml")


def test_two_replicas_are_spread_and_not_evicted_together() -> None:
    objects = render("bind-operator", *HA)
    deployment = pick(objects, "Deployment")["spec"]
    assert deployment["replicas"] == 2
    budget = pick(objects, "PodDisruptionBudget")["spec"]
    assert budget["maxUnavailable"] == 1
    assert budget["selector"] == deployment["selector"]
    terms = deployment["template"]["spec"]["affinity"]["podAntiAffinity"]
    (term,) = terms["preferredDuringSchedulingIgnoredDuringExecution"]
    assert term["podAffinityTerm"]["labelSelector"] == deployment["selector"]
    assert deployment["template"]["spec"]["topologySpreadConstraints"]


def test_one_replica_is_alone_and_holds_up_no_drain() -> None:
    objects = render("bind-operator")
    assert pick(objects, "Deployment")["spec"]["replicas"] == 1
    assert "affinity" not in pick(objects, "Deployment")["spec"]["template"]["spec"]
    assert "PodDisruptionBudget" not in {item["kind"] for item in objects}


@pytest.mark.parametrize(("enabled", "strategy"), [("true", "RollingUpdate"), ("false", "Recreate")])
def test_pods_overlap_only_where_a_lease_parts_them(enabled: str, strategy: str) -> None:
    deployment = pick(render("bind-operator", "--set", f"leaderElection.enabled={enabled}"), "Deployment")
    assert deployment["spec"]["strategy"]["type"] == strategy


def test_several_replicas_without_a_lease_are_refused() -> None:
    why = refusal("bind-operator", "--set", "leaderElection.enabled=false", "--set", "replicas=2")
    assert "leaderElection.enabled" in why


@pytest.mark.parametrize(("keep", "annotation"), [("true", "keep"), ("false", None)])
def test_the_definition_outlives_the_chart_as_told(keep: str, annotation: str | None) -> None:
    crd = pick(render("bind-operator", "--set", f"crds.keep={keep}"), "CustomResourceDefinition")
    assert crd["metadata"].get("annotations", {}).get("helm.sh/resource-policy") == annotation


def test_the_definition_can_be_left_out() -> None:
    kinds = {item["kind"] for item in render("bind-operator", "--set", "crds.enabled=false")}
    assert "CustomResourceDefinition" not in kinds


def test_chart_and_plain_manifest_hold_the_same_definition() -> None:
    plain = yaml.safe_load((ROOT / "manifests" / "crds.yaml").read_text())
    assert pick(render("bind-operator"), "CustomResourceDefinition")["spec"] == plain["spec"]


def test_the_install_manifest_brings_no_pod_of_a_test() -> None:
    """Applied as it is, it would run beside the operator's first start, fail, and stay."""
    objects = list(yaml.safe_load_all((ROOT / "manifests/install.yaml").read_text(encoding="utf-8")))
    assert "Deployment" in {one["kind"] for one in objects}
    assert [one["metadata"]["name"] for one in objects if one["kind"] == "Pod"] == []


def test_images_reach_the_operators_settings() -> None:
    objects = render("bind-operator", "--set", "images.inference.tag=1.2.3", "--set", "image.tag=4.5.6")
    operator = containers(pick(objects, "Deployment")["spec"]["template"]["spec"])["operator"]
    assert operator["image"] == "ghcr.io/bindvectorizer/bind-operator:4.5.6"
    images = json.loads(env(operator)["BIND_OPERATOR_IMAGES"])
    assert images["inference"]["tag"] == "1.2.3"
    assert images["inference"]["cpu"] == {"tag": "", "digest": ""}
    assert images["gate"]["repository"] == "library/caddy"


def test_unless_a_tag_is_given_the_operator_chooses_the_image_by_its_own_version() -> None:
    operator = containers(pick(render("bind-operator"), "Deployment")["spec"]["template"]["spec"])["operator"]
    images = Images.model_validate_json(env(operator)["BIND_OPERATOR_IMAGES"])
    assert images == Images()


def test_the_operator_knows_where_it_runs_for_network_policies() -> None:
    deployment = pick(render("bind-operator"), "Deployment")["spec"]
    settings = env(containers(deployment["template"]["spec"])["operator"])
    assert settings["BIND_OPERATOR_NAMESPACE"] == {"fieldRef": {"fieldPath": "metadata.namespace"}}
    labels = json.loads(settings["BIND_OPERATOR_POD_LABELS"])
    assert labels == deployment["selector"]["matchLabels"]


@pytest.mark.parametrize("sample", SAMPLES, ids=[path.stem for path in SAMPLES])
def test_the_workload_chart_takes_what_the_operator_renders(sample, tmp_path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text(rendered_values(sample))
    spec = sample_resource(sample).spec
    pods = pod_specs(render("weaviate-bind", "--values", file)).get("Deployment/shop-inference")
    assert (pods is None) is (spec.inference.external is not None)
    if pods is None:
        return
    server = containers(pods)["inference"]
    assert env(server)["ENABLE_CUDA"] == ("1" if spec.device == "CUDA" else "0")
    assert env(server)["BIND_MODEL"] == spec.inference.model.name
