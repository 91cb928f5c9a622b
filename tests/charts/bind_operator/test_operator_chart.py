"""The operator's chart: rights, definition, settings, and whether the other chart takes what it renders."""

import json

import pytest
import yaml

from bind_operator.api.identity import GROUP
from support.charts import CHARTS, RELEASE, containers, env, pick, render
from support.rendered import SAMPLES, rendered_values

ROOT = CHARTS.parent
NAMESPACED = ("--set", "watchNamespaces={search,staging}")
ALL_VERBS = {"*"}


def test_rights_are_named_one_by_one() -> None:
    rules = pick(render("bind-operator"), "ClusterRole", RELEASE)["rules"]
    for rule in rules:
        for words in (rule["apiGroups"], rule["resources"], rule["verbs"]):
            assert not ALL_VERBS & set(words), rule


def test_named_namespaces_have_a_role_each_and_no_cluster_wide_right() -> None:
    objects = render("bind-operator", *NAMESPACED)
    bound = {item["roleRef"]["kind"] for item in objects if item["kind"].endswith("RoleBinding")}
    assert bound == {"Role"}
    for kind in ("Role", "RoleBinding"):
        spaces = {item["metadata"]["namespace"] for item in objects if item["kind"] == kind}
        assert spaces == {"search", "staging"}
    operator = containers(pick(objects, "Deployment")["spec"]["template"]["spec"])["operator"]
    assert json.loads(env(operator)["BIND_OPERATOR_WATCH_NAMESPACES"]) == ["search", "staging"]


def test_named_namespaces_can_do_without_any_object_of_the_whole_cluster() -> None:
    without = ("--set", "crds.enabled=false", "--set", "rbac.aggregateRoles=false")
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
    role = next(item for item in render("bind-operator", *NAMESPACED) if item["kind"] == "Role")
    assert role["rules"] == pick(render("bind-operator"), "ClusterRole", RELEASE)["rules"]


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


def test_images_reach_the_operators_settings() -> None:
    objects = render("bind-operator", "--set", "images.inference.tag=1.2.3", "--set", "image.tag=4.5.6")
    operator = containers(pick(objects, "Deployment")["spec"]["template"]["spec"])["operator"]
    assert operator["image"] == "ghcr.io/bindvectorizer/bind-operator:4.5.6"
    images = json.loads(env(operator)["BIND_OPERATOR_IMAGES"])
    assert images["inference"]["tag"] == "1.2.3"
    assert images["gate"]["repository"] == "library/caddy"


@pytest.mark.parametrize("sample", SAMPLES, ids=[path.stem for path in SAMPLES])
def test_the_workload_chart_takes_what_the_operator_renders(sample, tmp_path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text(rendered_values(sample))
    spec = yaml.safe_load(sample.read_text())["spec"]
    server = containers(
        pick(render("weaviate-bind", "--values", file), "Deployment")["spec"]["template"]["spec"]
    )["inference"]
    assert env(server)["ENABLE_CUDA"] == ("1" if spec.get("device") == "CUDA" else "0")
    assert env(server)["BIND_MODEL"] == spec["inference"]["model"].get("name", "ImageBindHuge")
