"""How inference pods are replaced follows from what there may be only one of."""

import pytest

from support.charts import pick, render
from support.podsecurity import violations

BIND = "modules.multi2vec-bind"
SURGE = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
ONE_DOWN = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}}
RECREATE = {"type": "Recreate"}
HUGE, TINY = "model.licenseAccepted=true", "model.name=Tiny"
TWO, CUDA, WIDE = "replicas=2", "envconfig.enable_cuda=true", "cache.accessModes={ReadWriteMany}"
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
APART = f"affinity.podAntiAffinity.{REQUIRED}[0].topologyKey=kubernetes.io/hostname"


def objects(*values):
    return render("weaviate-bind", *(word for value in values for word in ("--set", f"{BIND}.{value}")))


def deployment(*values):
    return pick(objects(*values), "Deployment")["spec"]


def cache(*values):
    volumes = deployment(*values)["template"]["spec"]["volumes"]
    return next(volume for volume in volumes if volume["name"] == "cache")


@pytest.mark.parametrize(
    ("values", "strategy"),
    [
        ((TINY,), SURGE),
        ((TINY, TWO), SURGE),
        ((TINY, CUDA), ONE_DOWN),
        ((TINY, TWO, APART), ONE_DOWN),
        ((HUGE, "model.weights.existingClaim.name=kept", "cache.persistence=false"), ONE_DOWN),
        ((HUGE, "model.weights.image.reference=r/w:1", "cache.persistence=false"), SURGE),
        ((HUGE,), RECREATE),
        ((HUGE, CUDA), RECREATE),
        ((HUGE, WIDE), SURGE),
        ((HUGE, WIDE, CUDA), ONE_DOWN),
        ((HUGE, TWO), SURGE),
        ((HUGE, TWO, CUDA), ONE_DOWN),
        ((HUGE, "autoscaling.enabled=true"), SURGE),
        ((HUGE, "rollout.strategy=Surge"), SURGE),
        ((TINY, "rollout.strategy=OneDown"), ONE_DOWN),
        ((TINY, "rollout.strategy=Recreate"), RECREATE),
        ((TINY, "strategy.type=Recreate"), RECREATE),
    ],
)
def test_the_strategy_follows_from_the_values(values: tuple[str, ...], strategy: object) -> None:
    assert deployment(*values)["strategy"] == strategy


def test_one_pod_has_the_cache_in_a_claim() -> None:
    assert cache(HUGE) == {"name": "cache", "persistentVolumeClaim": {"claimName": "shop-model-cache"}}
    assert pick(objects(HUGE), "PersistentVolumeClaim")["spec"]["accessModes"] == ["ReadWriteOnce"]


def test_several_pods_have_each_a_cache_where_one_node_mounts_it() -> None:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Gi"}}}
    assert cache(HUGE, TWO) == {"name": "cache", "ephemeral": {"volumeClaimTemplate": {"spec": spec}}}
    found = objects(HUGE, TWO)
    assert not [item for item in found if item["kind"] == "PersistentVolumeClaim"]
    assert violations(pick(found, "Deployment")["spec"]["template"]["spec"]) == []


def test_several_pods_share_a_cache_that_all_nodes_mount() -> None:
    name = pick(objects(HUGE, TWO, WIDE), "PersistentVolumeClaim")["metadata"]["name"]
    # Another name, because the access modes of a claim cannot change.
    assert name == "shop-model-cache-rwx"
    assert cache(HUGE, TWO, WIDE)["persistentVolumeClaim"] == {"claimName": name}


def test_pods_that_must_share_a_cache_of_one_node_run_on_one_node() -> None:
    shared = (HUGE, TWO, "cache.scope=Shared")
    affinity = deployment(*shared)["template"]["spec"]["affinity"]
    (term,) = affinity["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert term["topologyKey"] == "kubernetes.io/hostname"
    assert term["labelSelector"]["matchLabels"]["app.kubernetes.io/instance"] == "shop"
    assert "podAntiAffinity" in deployment(*shared, APART)["template"]["spec"]["affinity"]


def test_the_deadline_can_be_set() -> None:
    assert deployment(TINY, "rollout.progressDeadlineSeconds=90")["progressDeadlineSeconds"] == 90
