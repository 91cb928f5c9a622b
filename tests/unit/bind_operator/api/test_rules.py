"""The rules' offline form: each breach is refused with the same words as by the API server."""

import pytest

from bind_operator.api import parse_resource
from bind_operator.api.rules import RULES, Rule
from bind_operator.api.rules.external import DEFAULT_VERSIONS
from bind_operator.api.spec import Weaviate
from bind_operator.errors import InvalidSpec
from support.nasty import NASTY, UNHELD
from support.resources import BREACHES, merged, tiny_resource

BY_NAME = {rule.name: rule for rule in RULES}


@pytest.mark.parametrize("name", BREACHES)
def test_breach_is_refused_alone_and_with_its_field(name: str) -> None:
    rule = BY_NAME[name]
    with pytest.raises(InvalidSpec) as refused:
        parse_resource(merged(tiny_resource("t"), BREACHES[name]))
    assert str(refused.value) == f"{rule.field}: {rule.message}"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_no_rule_traps_a_field_at_its_stored_value(rule: Rule) -> None:
    assert "oldSelf" not in rule.cel


@pytest.mark.parametrize("letter", UNHELD, ids=lambda letter: f"{ord(letter):#06x}")
def test_what_server_side_apply_cannot_carry_is_refused(letter: str) -> None:
    for env in (
        {"weaviate": {"env": {"A": f"a{letter}b"}}},
        {"inference": {"extraEnv": [{"name": "A", "value": letter}]}},
    ):
        with pytest.raises(InvalidSpec, match=r"server-side apply cannot carry"):
            parse_resource(merged(tiny_resource("t"), {"spec": env}))


@pytest.mark.parametrize("text", NASTY.values(), ids=NASTY)
def test_every_other_text_is_taken(text: str) -> None:
    env = {"weaviate": {"env": {"A": text}}, "inference": {"extraEnv": [{"name": "A", "value": text}]}}
    parse_resource(merged(tiny_resource("t"), {"spec": env}))


@pytest.mark.parametrize("name", ["RAFT_BOOTSTRAP_TIMEOUT", "CLUSTER_BASIC_AUTH_USERNAME", "GOMEMLIMIT"])
def test_what_only_tunes_weaviate_may_be_set(name: str) -> None:
    parse_resource(merged(tiny_resource("t"), {"spec": {"weaviate": {"env": {name: "1"}}}}))


def test_names_are_unique() -> None:
    assert len(BY_NAME) == len(RULES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_message_names_the_field_and_a_remedy(rule) -> None:  # type: ignore[no-untyped-def]
    assert rule.message.startswith((rule.at, "metadata.name"))
    assert any(mark in rule.message for mark in ("; ", ", "))


def test_all_faults_are_reported_at_once() -> None:
    patch = merged(BREACHES["gpu-needs-cuda"], BREACHES["weaviate-version"])
    with pytest.raises(InvalidSpec) as refused:
        parse_resource(merged(tiny_resource("t"), patch))
    assert len(str(refused.value).splitlines()) == 2


def test_the_default_version_may_stand_beside_an_external_weaviate() -> None:
    """Objects are stored with the default of their day, and a new one must not make them invalid."""
    assert Weaviate().version in DEFAULT_VERSIONS


def test_what_is_stored_by_default_may_stand_beside_external() -> None:
    external: dict[str, object] = {"external": {"url": "http://w.local:8080"}}
    spec = parse_resource(merged(tiny_resource("t"), {"spec": {"weaviate": external}})).spec
    written = spec.model_dump(mode="json", by_alias=True, exclude_none=True)
    parse_resource(tiny_resource("t") | {"spec": written})
    external = {"external": {"url": "https://b.local"}, "model": {"name": "ImageBindHuge"}}
    spec = parse_resource(merged(tiny_resource("t"), {"spec": {"inference": external}})).spec
    written = spec.model_dump(mode="json", by_alias=True, exclude_none=True)
    parse_resource(tiny_resource("t") | {"spec": written})
    accepted = merged({"spec": written}, {"spec": {"inference": {"model": {"licenseAccepted": True}}}})
    parse_resource(tiny_resource("t") | accepted)


MANAGED = {
    "weaviate": [
        {"version": "1.35.1"},
        {"image": {"registry": "r.local"}},
        {"storage": {"size": "1Gi"}},
        {"storage": {"storageClassName": "fast"}},
        {"resources": {"limits": {"memory": "8Gi"}}},
        {"resources": {"requests": {"cpu": "2"}}},
        {"env": {"A": "b"}},
        {"backup": {"s3": {"bucket": "b"}}},
        {"service": {"type": "NodePort"}},
        {"service": {"annotations": {"a": "b"}}},
        {"priorityClassName": "high"},
        {"topologySpreadConstraints": [{"maxSkew": 1}]},
    ],
    "inference": [
        {"replicas": 2},
        {"image": {"tag": "x"}},
        {"resources": {"limits": {"memory": "13Gi"}}},
        {"rollout": {"strategy": "Surge"}},
        {"model": {"name": "ImageBindHuge", "precision": "bfloat16"}},
        {"model": {"name": "ImageBindHuge", "cache": {"size": "20Gi"}}},
        {"model": {"name": "ImageBindHuge", "weights": {"existingClaim": {"name": "w"}}}},
        {"extraEnv": [{"name": "A", "value": "b"}]},
        {"nodeSelector": {"a": "b"}},
        {"affinity": {}},
        {"batching": {"maxBatchSize": 8}},
        {"autoscaling": {"maxReplicas": 4, "target": {"cpuUtilization": 80}}},
    ],
}


@pytest.mark.parametrize("section", MANAGED)
def test_no_managed_field_stands_beside_external(section: str) -> None:
    for fields in MANAGED[section]:
        base = {"external": {"url": "http://x.local"}}
        if section == "inference":
            base |= {"model": {"name": "ImageBindHuge"}}
        with pytest.raises(InvalidSpec, match=f"spec.{section}.external is a") as refused:
            parse_resource(merged(tiny_resource("t"), {"spec": {section: merged(base, fields)}}))
        assert len(str(refused.value).splitlines()) == 1, fields
