"""An autoscaler has the number of inference pods: by CPU, by KEDA, and down to none."""

from typing import Any

import pytest

from support.charts import CHARTS, NAMESPACE, RELEASE, containers, env, helm, pick, pod_specs, render

BIND = "modules.multi2vec-bind"
TINY = ("--set", f"{BIND}.model.name=Tiny")
SCALED = (*TINY, "--set", f"{BIND}.autoscaling.enabled=true")
TO_ZERO = (*SCALED, "--set", f"{BIND}.autoscaling.minReplicas=0")


def caddyfile(objects: list[dict[str, Any]]) -> str:
    text: str = pick(objects, "ConfigMap", "gate")["data"]["Caddyfile"]
    return text


def kinds(objects: list[dict[str, Any]]) -> set[str]:
    return {item["kind"] for item in objects}


def test_by_cpu_it_is_a_horizontal_pod_autoscaler_which_never_goes_to_none() -> None:
    for arguments, least in ((SCALED, 1), (TO_ZERO, 1)):
        objects = render("weaviate-bind", *arguments)
        spec = pick(objects, "HorizontalPodAutoscaler", "inference")["spec"]
        assert (spec["minReplicas"], spec["maxReplicas"]) == (least, 4)
        assert spec["behavior"]["scaleDown"]["stabilizationWindowSeconds"] == 300
        assert "replicas" not in pick(objects, "Deployment", "inference")["spec"]
        assert "ScaledObject" not in kinds(objects)


def test_by_requests_it_is_a_scaled_object_that_adds_up_the_gates() -> None:
    objects = render("weaviate-bind", *SCALED, "--set", f"{BIND}.autoscaling.targetQueueDepth=8")
    spec = pick(objects, "ScaledObject", "inference")["spec"]
    assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (1, 4)
    assert "cooldownPeriod" not in spec
    (trigger,) = spec["triggers"]
    metadata = trigger["metadata"]
    assert metadata["url"] == f"http://{RELEASE}-weaviate-headless.{NAMESPACE}.svc:8182/metrics"
    assert metadata["targetValue"] == "8"
    assert metadata["aggregationType"] == "sum"
    assert all(isinstance(value, str) for value in metadata.values())
    assert "HorizontalPodAutoscaler" not in kinds(objects)
    assert "name gate" in caddyfile(objects)


def test_keda_neither_ends_the_last_pods_nor_wakes_the_first() -> None:
    objects = render("weaviate-bind", *TO_ZERO, "--set", f"{BIND}.autoscaling.targetQueueDepth=8")
    spec = pick(objects, "ScaledObject", "inference")["spec"]
    assert spec["minReplicaCount"] == 0
    assert spec["cooldownPeriod"] == spec["initialCooldownPeriod"] == 315360000
    assert spec["triggers"][0]["metadata"]["activationTargetValue"] == "1000000"


def test_to_none_gate_and_weaviate_wait_for_the_first_pod() -> None:
    objects = render("weaviate-bind", *TO_ZERO, "--set", f"{BIND}.autoscaling.holdSeconds=120")
    text = caddyfile(objects)
    assert "import wait 120s" in text
    assert "import wait 20s" not in text
    assert "import wait 45s" not in text
    assert "grace_period 125s" in text
    weaviate = containers(pod_specs(objects)[f"StatefulSet/{RELEASE}-weaviate"])["weaviate"]
    assert env(weaviate)["MODULES_CLIENT_TIMEOUT"] == "125s"
    assert weaviate["args"][-1] == "--write-timeout=135s"


def test_without_it_nothing_waits_longer() -> None:
    for arguments in (TINY, SCALED):
        objects = render("weaviate-bind", *arguments)
        text = caddyfile(objects)
        assert "import wait 20s" in text
        assert "import wait 45s" in text
        assert "verify.sock" not in text
        assert "name wait" not in text
        weaviate = containers(pod_specs(objects)[f"StatefulSet/{RELEASE}-weaviate"])["weaviate"]
        assert "MODULES_CLIENT_TIMEOUT" not in env(weaviate)
        assert weaviate["args"][-1] == "--write-timeout=60s"


def test_a_gate_apart_has_the_time_to_let_go_of_who_waits() -> None:
    objects = render("weaviate-bind", *TO_ZERO, "--set", "gate.mode=Deployment")
    spec = pod_specs(objects)[f"Deployment/{RELEASE}-gate"]
    assert spec["terminationGracePeriodSeconds"] == 102
    assert "servers :8181 {" in caddyfile(objects)
    objects = render("weaviate-bind", *TINY, "--set", "gate.mode=Deployment")
    assert pod_specs(objects)[f"Deployment/{RELEASE}-gate"]["terminationGracePeriodSeconds"] == 65


def test_one_pod_at_most_keeps_its_cache() -> None:
    huge = ("--set", f"{BIND}.model.licenseAccepted=true", "--set", f"{BIND}.autoscaling.enabled=true")
    objects = render("weaviate-bind", *huge, "--set", f"{BIND}.autoscaling.maxReplicas=1")
    assert f"{RELEASE}-model-cache" in {item["metadata"]["name"] for item in objects}
    objects = render("weaviate-bind", *huge)
    assert f"{RELEASE}-model-cache" not in {item["metadata"]["name"] for item in objects}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["targetCPUUtilizationPercentage=0"], "without a target"),
        (["minReplicas=5"], "above maxReplicas"),
    ],
)
def test_what_cannot_be_scaled_is_refused(settings: list[str], words: str) -> None:
    arguments = [part for one in settings for part in ("--set", f"{BIND}.autoscaling.{one}")]
    done = helm("template", RELEASE, CHARTS / "weaviate-bind", *SCALED, *arguments)
    assert done.returncode != 0
    assert words in done.stderr


def test_a_server_elsewhere_is_scaled_by_who_runs_it() -> None:
    elsewhere = ("--set", f"{BIND}.enabled=false", "--set", f"{BIND}.inferenceUrl=http://b.local")
    done = helm("template", RELEASE, CHARTS / "weaviate-bind", *SCALED, *elsewhere)
    assert done.returncode != 0
    assert "whoever runs it scales it" in done.stderr
