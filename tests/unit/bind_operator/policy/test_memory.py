"""What the data was served with is remembered, in the status first and on the claims after it."""

from typing import Any

import pytest

from bind_operator.api import parse_resource
from bind_operator.api.status import VectorSpaceStatus, WeaviateStatus
from bind_operator.policy.facts import Workload
from bind_operator.policy.memory import (
    MEMORY_ANNOTATION,
    Memory,
    recall,
    remember_space,
    remember_weaviate,
    running_of,
)
from bind_operator.policy.vector_space import Space, deployed_space, same_space, wanted_space
from bind_operator.reasons import Reason
from support.resources import merged, tiny_resource

THEN, NOW = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"
SPACE = Space("Tiny", "seeded", "float", "weaviate")
PART = {
    "model": "Tiny",
    "weights": "seeded",
    "precision": "float",
    "textTruncation": "weaviate",
    "since": THEN,
}
STATUS: dict[str, Any] = {
    "weaviate": {"version": "1.35.2", "replicas": 3, "since": THEN},
    "vectorSpace": PART | {"fingerprint": "Tiny-float32-0"},
}
MEMORY = recall(STATUS, None)
READY = Workload("t", "t", wanted=2, ready=2, is_current=True)


def claim(text: str) -> dict[str, Any]:
    return {"metadata": {"annotations": {MEMORY_ANNOTATION: text}}}


def space(fingerprint: str | None) -> VectorSpaceStatus:
    return VectorSpaceStatus.model_validate(PART | {"fingerprint": fingerprint})


def test_the_status_goes_before_the_claim() -> None:
    assert MEMORY.weaviate == WeaviateStatus(version="1.35.2", replicas=3, since=THEN)
    other = Memory(WeaviateStatus(version="1.0.0", replicas=1, since=NOW))
    assert recall(STATUS, claim(other.to_text())) == MEMORY
    assert recall({}, claim(MEMORY.to_text())) == MEMORY
    assert recall({"vectorSpace": STATUS["vectorSpace"]}, None) == Memory(None, MEMORY.vector_space)


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"weaviate": {"version": 7}}', '{"weaviate": []}'])
def test_what_cannot_be_read_is_not_known(text: str) -> None:
    assert recall({}, claim(text)) == Memory()


def test_a_newer_operators_memory_is_read() -> None:
    newer = {"weaviate": STATUS["weaviate"] | {"shards": 3}}
    assert recall(newer, None).weaviate == MEMORY.weaviate


def test_what_runs_is_what_is_remembered_or_else_what_is_ready() -> None:
    running = running_of(MEMORY, READY, {"spec": {}}, READY, {"spec": {}})
    assert (running.version, running.replicas, running.space) == ("1.35.2", 3, SPACE)
    container = {"name": "weaviate", "image": "cr.weaviate.io:5000/semitechnologies/weaviate:1.34.0@sha256:0"}
    stateful_set = {"spec": {"template": {"spec": {"containers": [container]}}}}
    assert running_of(Memory(), READY, stateful_set, None, None).version == "1.34.0"
    assert running_of(Memory(), READY, stateful_set, None, None).replicas == 2
    starting = Workload("t", "t", wanted=2, ready=1, is_current=True)
    assert running_of(Memory(), starting, stateful_set, None, None).version is None


def test_weaviate_is_remembered_once() -> None:
    spec = parse_resource(tiny_resource("t")).spec.weaviate
    first = remember_weaviate(None, spec, THEN)
    assert first == WeaviateStatus(version=spec.version, replicas=1, since=THEN)
    assert remember_weaviate(first, spec, NOW) is first
    assert remember_weaviate(MEMORY.weaviate, spec, NOW).since == NOW


@pytest.mark.parametrize(
    ("before", "found", "after", "changed"),
    [
        (None, "Tiny-float32-0", "Tiny-float32-0", False),
        (None, None, None, False),
        ("Tiny-float32-0", None, "Tiny-float32-0", False),
        ("Tiny-float32-0", "Tiny-float32-0", "Tiny-float32-0", False),
        ("Tiny-float32-0", "Tiny-bfloat16-0", "Tiny-float32-0", False),
        ("Tiny-float32-0", "Tiny-int8-0", "Tiny-float32-0", True),
        ("Tiny-float32-0", "Tiny-float32-1", "Tiny-float32-0", True),
        ("Tiny-float32-0", "another form", "Tiny-float32-0", True),
    ],
)
def test_the_first_fingerprint_stays(
    before: str | None, found: str | None, after: str | None, *, changed: bool
) -> None:
    status, change = remember_space(space(before), SPACE, found, NOW)
    assert (status.fingerprint, status.since) == (after, THEN)
    assert (change is not None) is changed
    assert change is None or (change.reason, bool(change.token)) == (Reason.VECTOR_SPACE_CHANGED, True)


def test_an_applied_change_of_the_spec_begins_another_space() -> None:
    other = Space("ImageBindHuge", "published", "float", "weaviate")
    status, change = remember_space(space("Tiny-float32-0"), other, "ImageBindHuge-bfloat16-1", NOW)
    assert (status.model, status.fingerprint, status.since, change) == (
        "ImageBindHuge",
        "ImageBindHuge-bfloat16-1",
        NOW,
        None,
    )


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("ImageBindHuge-float32-0123abcd", "ImageBindHuge-float16-0123abcd", True),
        ("ImageBindHuge-float32-0123abcd", "ImageBindHuge-int8-0123abcd", False),
        ("ImageBindHuge-float32-0123abcd", "Tiny-float32-0123abcd", False),
        ("my-own-model-float32-0", "my-own-model-bfloat16-0", True),
        ("x", "x", True),
        ("x", "y", False),
    ],
)
def test_fingerprints_of_one_space(one: str, other: str, *, same: bool) -> None:
    assert same_space(one, other) is same


def test_a_deployment_that_says_nothing_has_no_known_space() -> None:
    assert deployed_space({}) is None


def test_a_variable_from_elsewhere_is_a_cut_of_its_own() -> None:
    source = {"configMapKeyRef": {"name": "c", "key": "k"}}
    extra = [{"name": "BIND_TEXT_TRUNCATION", "valueFrom": source}]
    inference = parse_resource(
        merged(tiny_resource("t"), {"spec": {"inference": {"extraEnv": extra}}})
    ).spec.inference
    env = [{"name": "BIND_MODEL", "value": "Tiny"}, {"name": "BIND_PRECISION", "value": "auto"}, *extra]
    deployment = {"spec": {"template": {"spec": {"containers": [{"name": "inference", "env": env}]}}}}
    assert deployed_space(deployment) == wanted_space(inference) != SPACE
