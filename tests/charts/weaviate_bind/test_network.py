"""Clusters of other networks and users: IP families, a DNS domain, and users that the cluster assigns."""

from typing import Any

import pytest

from support.charts import CHARTS, Manifest, containers, env, pick, pod_specs, render

TINY = ("--set", "modules.multi2vec-bind.model.name=Tiny")
DUAL = ("--values", CHARTS / "weaviate-bind" / "ci" / "dual-stack-values.yaml")
IDS = ("runAsUser", "runAsGroup", "fsGroup")


def services(objects: list[Manifest]) -> dict[str, Any]:
    return {item["metadata"]["name"]: item["spec"] for item in objects if item["kind"] == "Service"}


def container(name: str, *arguments: Any) -> Manifest:
    found = [containers(spec) for spec in pod_specs(render("weaviate-bind", *arguments)).values()]
    (one,) = (each[name] for each in found if name in each)
    return one


@pytest.mark.parametrize("mode", ["Sidecar", "Deployment"])
def test_every_service_has_the_families_that_are_chosen(mode: str) -> None:
    found = services(render("weaviate-bind", *DUAL, "--set", f"gate.mode={mode}"))
    assert found
    for name, spec in found.items():
        chosen = (spec["ipFamilyPolicy"], spec["ipFamilies"])
        assert chosen == ("PreferDualStack", ["IPv6", "IPv4"]), name
    for spec in services(render("weaviate-bind", *TINY, "--set", f"gate.mode={mode}")).values():
        assert not {"ipFamilyPolicy", "ipFamilies"} & set(spec)


@pytest.mark.parametrize(
    "chosen",
    [DUAL, (*TINY, "--set", "ipFamilies={IPv6}"), (*TINY, "--set", "ipFamilyPolicy=RequireDualStack")],
)
def test_with_ipv6_all_listen_at_both_families(chosen: tuple[Any, ...]) -> None:
    weaviate = container("weaviate", *chosen)
    assert weaviate["args"][:2] == ["--host", "::"]
    assert env(weaviate)["CLUSTER_BIND_ADDR"] == {"fieldRef": {"fieldPath": "status.podIP"}}
    assert env(container("inference", *chosen))["BIND_HTTP_HOST"] == "::"


@pytest.mark.parametrize("chosen", ["ipFamilies={IPv4}", "ipFamilyPolicy=SingleStack", "replicas=1"])
def test_without_it_nothing_asks_the_kernel_for_it(chosen: str) -> None:
    weaviate = container("weaviate", *TINY, "--set", chosen)
    assert weaviate["args"][:2] == ["--host", "0.0.0.0"]  # noqa: S104  (a server)
    assert "CLUSTER_BIND_ADDR" not in env(weaviate)
    assert "BIND_HTTP_HOST" not in env(container("inference", *TINY, "--set", chosen))


def test_another_domain_is_in_every_name() -> None:
    objects = render("weaviate-bind", *DUAL)
    text = str(objects)
    assert "svc.example.internal." in text
    assert "cluster.local" not in text
    caddyfile = pick(objects, "ConfigMap", "gate")["data"]["Caddyfile"]
    assert "shop-inference.space.svc.example.internal. 8080" in caddyfile


@pytest.mark.parametrize("mode", ["Sidecar", "Deployment"])
def test_assigned_users_are_named_nowhere(mode: str) -> None:
    found = pod_specs(render("weaviate-bind", *DUAL, "--set", f"gate.mode={mode}"))
    for name, spec in found.items():
        assert not set(IDS) & set(spec["securityContext"]), name
        assert spec["securityContext"]["runAsNonRoot"] is True
        for one in containers(spec).values():
            assert not set(IDS) & set(one["securityContext"]), name
    for spec in pod_specs(render("weaviate-bind", *TINY, "--set", f"gate.mode={mode}")).values():
        assert set(IDS) <= set(spec["securityContext"])


def test_the_operator_may_be_assigned_its_user_too() -> None:
    for settings, named in (((), set(IDS)), (("--set", "podUser=Assigned"), set())):
        for spec in pod_specs(render("bind-operator", *settings)).values():
            assert set(IDS) & set(spec["securityContext"]) == named


def test_no_pod_is_tied_to_one_architecture(chart: str) -> None:
    """Images of more than one architecture run where they may; who has one alone sets a node selector."""
    arguments = TINY if chart == "weaviate-bind" else ()
    for spec in pod_specs(render(chart, *arguments)).values():
        assert "nodeSelector" not in spec
        assert "nodeAffinity" not in spec.get("affinity", {})
