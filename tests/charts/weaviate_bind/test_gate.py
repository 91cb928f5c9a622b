"""How much the gate lets in at once follows from the memory limits of its two containers."""

import re

import pytest

from support.charts import containers, pick, pod_specs, refusal, render

TINY = ("--set", "modules.multi2vec-bind.model.name=Tiny")


def _at_once(*settings: str) -> dict[str, int]:
    """Return how many texts, small and large bodies the gate works on at once."""
    sets = [part for setting in settings for part in ("--set", setting)]
    text = pick(render("weaviate-bind", *TINY, *sets), "ConfigMap", "gate")["data"]["Caddyfile"]
    return {name: int(number) for name, number in re.findall(r"import queue (\w+) (\d+)", text)}


@pytest.mark.parametrize(
    ("settings", "texts", "smalls", "larges"),
    [
        ((), 128, 64, 7),
        (("gate.resources.limits.memory=1Gi",), 298, 149, 7),
        (("gate.large.resources.limits.memory=2Gi",), 128, 64, 15),
        (("gate.large.resources.limits.memory=2G",), 128, 64, 13),
        (("gate.maxBodySize=16MiB",), 128, 64, 28),
        (("gate.maxBodySize=20MiB",), 128, 64, 14),
        (("gate.large.resources.limits=null", "gate.resources.limits=null"), 128, 64, 7),
    ],
)
def test_bodies_at_once_fit_the_memory(
    settings: tuple[str, ...], texts: int, smalls: int, larges: int
) -> None:
    assert _at_once(*settings) == {"texts": texts, "smalls": smalls, "larges": larges}


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("gate.resources.limits.memory=128Mi", "gate.resources.limits.memory is 128Mi, too little"),
        ("gate.large.resources.limits.memory=200Mi", "too little to hold one body of 64MiB"),
        ("gate.maxBodySize=1GiB", "too little to hold one body of 1GiB"),
        ("gate.resources.limits.memory=many", "many is not a quantity of memory"),
        ("gate.large.healthPort=8181", "give each its own"),
    ],
)
def test_limits_that_cannot_work_are_refused(setting: str, message: str) -> None:
    assert message in refusal("weaviate-bind", *TINY, "--set", setting)


def test_each_process_of_the_gate_has_its_port_and_limit() -> None:
    parts = containers(pod_specs(render("weaviate-bind", *TINY))["StatefulSet/shop-weaviate"])
    ports = {name: parts[name]["ports"][0]["containerPort"] for name in ("gate", "gate-large")}
    limits = {name: parts[name]["resources"]["limits"]["memory"] for name in ("gate", "gate-large")}
    assert ports == {"gate": 8182, "gate-large": 8183}
    assert limits == {"gate": "512Mi", "gate-large": "1Gi"}
