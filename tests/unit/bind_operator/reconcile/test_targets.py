"""Whom the live check of a resource asks, where a part of it runs elsewhere."""

from dataclasses import replace
from typing import Any

from bind_operator.api import parse_resource
from bind_operator.cluster.kube import Observed
from bind_operator.cluster.verification import Target
from bind_operator.policy.facts import Key, Workload
from bind_operator.reconcile.live_checks import target_of
from bind_operator.settings import Settings
from support.resources import merged, tiny_resource

WANTED = Workload("t-inference", "t", wanted=1, ready=1, is_current=True)
APART = {"weaviate": {"external": {"url": "http://w.local", "apiKey": {"name": "keys", "key": "reader"}}}}
ELSEWHERE = {"inference": {"external": {"url": "http://b.local"}, "model": {"name": "ImageBindHuge"}}}


def target(spec: dict[str, Any], wanted: Workload | None) -> Target:
    resource = parse_resource(merged(tiny_resource("t", "demo"), {"spec": spec}))
    observed = Observed((), None, wanted, None, (), ())
    return target_of(Key("demo", "t"), resource, Settings(), observed, {})


def test_an_external_weaviate_is_asked_by_the_gate() -> None:
    found = target(APART, WANTED)
    assert found.weaviate == "http://t-gate.demo.svc:8182/weaviate"
    assert found.gate == "http://t-gate.demo.svc:8182"
    assert found.expected.weaviate is not None
    assert found.expected.weaviate.key == "the entry reader of the Secret keys"
    assert "http://t-gate.demo.svc" in found.expected.weaviate.settings
    alone = target(APART, replace(WANTED, wanted=0))
    assert (alone.weaviate, alone.gate) == (found.weaviate, None)


def test_an_inference_server_elsewhere_is_asked_through_the_gate_beside_weaviate() -> None:
    found = target(ELSEWHERE, None)
    assert found.gate == "http://t-weaviate-headless.demo.svc:8182"
    assert (found.expected.model, found.expected.inference_url) == (None, "http://b.local")
