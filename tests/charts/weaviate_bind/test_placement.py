"""Where pods run, as whom, and that none of them holds up the drain of a node."""

from typing import Any

import pytest

from support.charts import RELEASE, Manifest, pick, pod_specs, refusal, render

TINY = ("--set", "modules.multi2vec-bind.model.name=Tiny")
SEVERAL = (*TINY, "--set", "replicas=3", "--set", "modules.multi2vec-bind.replicas=2")
BIND = "modules.multi2vec-bind"
ZONES_AND_NODES = ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]


def sets(*settings: str) -> tuple[str, ...]:
    return tuple(part for setting in settings for part in ("--set", setting))


def specs(*arguments: str) -> dict[str, Manifest]:
    """Return the pod specs of the release by their component."""
    found = pod_specs(render("weaviate-bind", *arguments))
    return {name.rpartition("-")[2]: spec for name, spec in found.items() if not name.startswith("Pod/")}


def budgets(*arguments: str) -> dict[str, Any]:
    objects = render("weaviate-bind", *arguments)
    return {
        item["metadata"]["name"].removeprefix(f"{RELEASE}-"): item["spec"]
        for item in objects
        if item["kind"] == "PodDisruptionBudget"
    }


@pytest.mark.parametrize(
    ("component", "arguments"),
    [
        ("weaviate", SEVERAL),
        ("inference", SEVERAL),
        ("inference", (*TINY, *sets(f"{BIND}.autoscaling.enabled=true"))),
        ("gate", (*TINY, *sets("gate.mode=Deployment"))),
    ],
)
def test_several_pods_are_spread_over_zones_and_nodes(component: str, arguments: tuple[str, ...]) -> None:
    spec = specs(*arguments)[component]
    found = spec["topologySpreadConstraints"]
    assert [one["topologyKey"] for one in found] == ZONES_AND_NODES
    for one in found:
        assert (one["maxSkew"], one["whenUnsatisfiable"]) == (1, "ScheduleAnyway")
        labels = one["labelSelector"]["matchLabels"]
        assert labels["app.kubernetes.io/component"] == component
        # A StatefulSet's pods have no such label, and one with a key that no pod has spreads nothing.
        assert one.get("matchLabelKeys") == (None if component == "weaviate" else ["pod-template-hash"])
    # One of the two says it.
    assert "affinity" not in spec


def test_one_pod_is_as_before() -> None:
    for spec in specs(*TINY).values():
        assert "topologySpreadConstraints" not in spec
        assert "preferredDuringSchedulingIgnoredDuringExecution" in spec["affinity"]["podAntiAffinity"]


@pytest.mark.parametrize(("component", "prefix"), [("weaviate", ""), ("inference", f"{BIND}.")])
def test_what_the_user_says_of_the_spread_is_all_that_is_said(component: str, prefix: str) -> None:
    mine = f"{prefix}topologySpreadConstraints[0]"
    spec = specs(*SEVERAL, *sets(f"{mine}.topologyKey=rack", f"{mine}.maxSkew=2"))[component]
    assert spec["topologySpreadConstraints"] == [{"topologyKey": "rack", "maxSkew": 2}]
    assert "podAntiAffinity" in spec["affinity"]


def test_an_affinity_of_the_user_stands_beside_the_spread() -> None:
    spec = specs(*SEVERAL, *sets("affinity.nodeAffinity.a=b"))["weaviate"]
    assert spec["affinity"] == {"nodeAffinity": {"a": "b"}}
    assert len(spec["topologySpreadConstraints"]) == 2


def test_pods_that_must_share_a_node_are_not_spread() -> None:
    one_volume = sets(
        f"{BIND}.model.licenseAccepted=true", f"{BIND}.cache.scope=Shared", f"{BIND}.replicas=2"
    )
    spec = specs(*one_volume)["inference"]
    assert "requiredDuringSchedulingIgnoredDuringExecution" in spec["affinity"]["podAffinity"]
    assert "topologySpreadConstraints" not in spec


def test_a_budget_lets_one_pod_go_and_every_pod_that_is_not_ready() -> None:
    found = budgets(*SEVERAL)
    assert set(found) == {"weaviate", "inference"}
    for spec in found.values():
        assert (spec["maxUnavailable"], spec["unhealthyPodEvictionPolicy"]) == (1, "AlwaysAllow")
    # A budget of one Weaviate pod could only do nothing, or block.
    assert set(budgets(*TINY)) == {"inference"}


def test_a_bound_of_the_user_takes_the_place_of_the_default() -> None:
    spec = budgets(*SEVERAL, *sets("podDisruptionBudgets.weaviate.spec.minAvailable=2"))["weaviate"]
    assert spec["minAvailable"] == 2
    assert "maxUnavailable" not in spec


@pytest.mark.parametrize(
    ("arguments", "setting", "says"),
    [
        (TINY, "multi2vec-bind.spec.minAvailable=1", "minAvailable is 1 and there may be 1 pods"),
        (TINY, "multi2vec-bind.spec.minAvailable=50%", "minAvailable is 50% and there may be 1 pods"),
        (SEVERAL, "weaviate.spec.minAvailable=3", "minAvailable is 3 and there may be 3 pods"),
        (SEVERAL, "weaviate.spec.minAvailable=70%", "minAvailable is 70% and there may be 3 pods"),
        (SEVERAL, "weaviate.spec.maxUnavailable=0", "maxUnavailable is 0"),
        (SEVERAL, "multi2vec-bind.spec.maxUnavailable=0%", "maxUnavailable is 0%"),
        (
            (*TINY, *sets("gate.mode=Deployment")),
            "gate.spec.minAvailable=100%",
            "podDisruptionBudgets.gate.spec.minAvailable is 100% and there may be 2 pods",
        ),
    ],
)
def test_a_budget_that_would_block_a_drain_is_refused(
    arguments: tuple[str, ...], setting: str, says: str
) -> None:
    assert says in refusal("weaviate-bind", *arguments, *sets(f"podDisruptionBudgets.{setting}"))


@pytest.mark.parametrize("bound", ["minAvailable=2", "minAvailable=60%", "maxUnavailable=1%"])
def test_a_bound_that_leaves_a_pod_is_taken(bound: str) -> None:
    assert budgets(*SEVERAL, *sets(f"podDisruptionBudgets.weaviate.spec.{bound}"))["weaviate"]


@pytest.mark.parametrize(("component", "prefix"), [("weaviate", ""), ("inference", f"{BIND}.")])
def test_a_service_account_is_made_and_used(component: str, prefix: str) -> None:
    settings = (
        *TINY,
        *sets(f"{prefix}serviceAccount.create=true", f"{prefix}serviceAccount.annotations.a=b"),
    )
    account = pick(render("weaviate-bind", *settings), "ServiceAccount", component)
    assert account["metadata"]["annotations"] == {"a": "b"}
    assert account["automountServiceAccountToken"] is False
    found = {name: spec.get("serviceAccountName") for name, spec in specs(*settings).items()}
    assert found == {"weaviate": None, "inference": None} | {component: f"{RELEASE}-{component}"}
    named = (*settings, *sets(f"{prefix}serviceAccountName=reader"))
    assert specs(*named)[component]["serviceAccountName"] == "reader"
    (made,) = (item for item in render("weaviate-bind", *named) if item["kind"] == "ServiceAccount")
    assert made["metadata"]["name"] == "reader"


def test_an_account_that_is_there_is_used_and_not_made() -> None:
    settings = (*TINY, *sets("serviceAccountName=reader"))
    assert specs(*settings)["weaviate"]["serviceAccountName"] == "reader"
    assert not [item for item in render("weaviate-bind", *settings) if item["kind"] == "ServiceAccount"]
