"""A pod has the time that its containers take to end: its grace is sleep, drain and a margin, or more."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from bind_inference.http.server import FLUSH_S
from bind_inference.settings import Settings
from bind_operator.run import DRAIN_S
from support.charts import RELEASE, containers, env, pick, pod_specs, render

MARGIN_S = 10
"""A container takes so long at most from the end of its drain to the end of its process."""
BIND = "modules.multi2vec-bind"
TINY = ("--set", f"{BIND}.model.name=Tiny")


def sleep_s(container: dict[str, Any]) -> float:
    return float(container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0))


def server_drain_s(container: dict[str, Any]) -> float:
    told = env(container)
    delay_s = told.get("BIND_DRAIN_DELAY_S", Settings.model_fields["drain_delay_s"].default)
    return float(delay_s) + float(told["BIND_DRAIN_TIMEOUT_S"]) + FLUSH_S


def gate_drain_s(objects: list[dict[str, Any]]) -> float:
    caddyfiles = pick(objects, "ConfigMap", "gate")["data"].values()
    (seconds,) = {found for text in caddyfiles for found in re.findall(r"grace_period ([0-9]+)s", text)}
    return float(seconds)


def drain_s(name: str, objects: list[dict[str, Any]], container: dict[str, Any]) -> float:
    match name:
        case "inference":
            return server_drain_s(container)
        case "gate" | "gate-large":
            return gate_drain_s(objects)
        case "operator":
            return DRAIN_S
        case "weaviate":
            return 0  # it is given all of the grace
        case "mesh" | "logs":
            return 0  # of the scenario of customized pods, which are the user's own
    raise AssertionError(f"say how long {name} takes to end")


def assert_time_to_end(objects: list[dict[str, Any]]) -> None:
    for pod, spec in pod_specs(objects).items():
        for name, container in containers(spec).items() if not pod.startswith("Pod/") else ():
            needed_s = sleep_s(container) + drain_s(name, objects, container) + MARGIN_S
            assert spec["terminationGracePeriodSeconds"] >= needed_s, f"{pod}, {name}"


def test_every_container_has_time_to_end(scenario: Path) -> None:
    assert_time_to_end(render(scenario.parents[1].name, "--values", scenario))


@pytest.mark.parametrize(
    "setting",
    [
        f"{BIND}.drainSeconds=300",
        f"{BIND}.drainTimeoutSeconds=300",
        "env.MODULES_CLIENT_TIMEOUT=300s",
    ],
)
def test_whoever_raises_a_drain_raises_the_grace(setting: str) -> None:
    assert_time_to_end(render("weaviate-bind", *TINY, "--set", setting))


@pytest.mark.parametrize("name", ["BIND_DRAIN_TIMEOUT_S", "BIND_DRAIN_DELAY_S"])
def test_so_does_a_drain_in_the_extra_environment(name: str) -> None:
    extra = json.dumps([{"name": name, "value": "299.5"}, {"name": "BIND_LOG_LEVEL", "value": "DEBUG"}])
    objects = render("weaviate-bind", *TINY, "--set-json", f"{BIND}.extraEnv={extra}")
    assert_time_to_end(objects)
    assert type(pod_specs(objects)[f"Deployment/{RELEASE}-inference"]["terminationGracePeriodSeconds"]) is int


def test_the_gate_lets_weaviate_finish_and_ends_after_it() -> None:
    objects = render("weaviate-bind", *TINY, "--set", "env.MODULES_CLIENT_TIMEOUT=90s")
    assert gate_drain_s(objects) == 90
    spec = pick(objects, "StatefulSet")["spec"]["template"]["spec"]
    # A native sidecar: the kubelet stops it when the containers have ended.
    sidecars = {item["name"]: item["restartPolicy"] for item in spec["initContainers"]}
    assert sidecars == {"gate": "Always", "gate-large": "Always"}
