"""Which changes break data, by named situations, and what the user is told."""

from dataclasses import replace
from typing import Any

import pytest

from bind_operator.api import parse_resource
from bind_operator.api.spec import BindVectorizerSpec
from bind_operator.policy.facts import Key
from bind_operator.policy.guards import (
    ACCEPT_ANNOTATION,
    Change,
    Running,
    accepted,
    breaking_changes,
    describe,
    failure_of,
)
from bind_operator.policy.text import one_line
from bind_operator.policy.vector_space import Space, wanted_space
from bind_operator.reasons import Reason
from support.resources import merged, tiny_resource

KEY = Key("demo", "t")
SHA = "a" * 64


def spec(patch: dict[str, Any] | None = None) -> BindVectorizerSpec:
    return parse_resource(merged(tiny_resource("t"), {"spec": patch or {}})).spec


def huge(**model: Any) -> dict[str, Any]:
    return {"inference": {"model": {"name": "ImageBindHuge", "licenseAccepted": True} | model}}


RUNNING = Running("1.35.2", 3, wanted_space(spec().inference), "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z")
SAME = {"weaviate": {"version": "1.35.2", "replicas": 3}}


def changes(patch: dict[str, Any], running: Running = RUNNING, **more: bool) -> tuple[Change, ...]:
    return breaking_changes(running, spec(merged(SAME, patch)), **({"may_hold_vectors": True} | more))


def test_the_same_is_no_change() -> None:
    assert changes({}) == ()


@pytest.mark.parametrize(
    ("version", "breaks"),
    [
        ("1.35.0", False),
        ("1.35.9", False),
        ("1.36.0", False),
        ("1.36.4-rc.0", False),
        ("1.34.9", True),
        ("1.37.0", True),
        ("2.0.0", True),
        ("0.35.2", True),
    ],
)
def test_weaviate_goes_up_by_one_minor_version_at_most(version: str, *, breaks: bool) -> None:
    found = changes({"weaviate": {"version": version}})
    assert bool(found) is breaks
    assert all("1.35.2" in change.breaks and version in change.breaks for change in found)


@pytest.mark.parametrize(("replicas", "breaks"), [(1, True), (2, True), (3, False), (5, False)])
def test_weaviate_loses_no_replicas_unasked(replicas: int, *, breaks: bool) -> None:
    found = changes({"weaviate": {"replicas": replicas}})
    assert bool(found) is breaks
    assert all("RAFT" in change.breaks and "back to 3" in change.remedy for change in found)


@pytest.mark.parametrize(
    ("before", "after", "breaks"),
    [
        ({}, huge(), True),
        (huge(), {}, True),
        (huge(), huge(weights={"existingClaim": {"name": "c"}}), False),
        (huge(), huge(weights={"url": "https://example.org/w", "sha256": SHA}), True),
        (huge(weights={"url": "https://example.org/w", "sha256": SHA}), huge(), True),
        (
            huge(weights={"url": "https://example.org/w", "sha256": SHA}),
            huge(weights={"existingClaim": {"name": "c"}, "sha256": SHA}),
            False,
        ),
        (huge(), huge(precision="float32"), False),
        (huge(precision="bfloat16"), huge(precision="float32"), False),
        (huge(), huge(precision="int8"), True),
        (huge(precision="int8"), huge(), True),
        ({}, {"inference": {"extraEnv": [{"name": "BIND_TEXT_TRUNCATION", "value": "upstream"}]}}, True),
        ({}, {"inference": {"extraEnv": [{"name": "BIND_TEXT_TRUNCATION", "value": "weaviate"}]}}, False),
        ({}, {"inference": {"replicas": 2, "extraEnv": [{"name": "LANG", "value": "C"}]}}, False),
    ],
)
def test_the_vector_space_stays(before: dict[str, Any], after: dict[str, Any], *, breaks: bool) -> None:
    running = Running("1.35.2", 3, wanted_space(spec(before).inference))
    assert bool(changes(after, running)) is breaks


def test_an_empty_database_may_change_its_space_but_not_the_rest() -> None:
    found = changes(merged(huge(), {"weaviate": {"replicas": 1}}), may_hold_vectors=False)
    assert ["RAFT" in change.breaks for change in found] == [True]


def test_what_is_not_known_guards_nothing() -> None:
    assert changes(merged(huge(), {"weaviate": {"version": "1.0.0"}}), Running()) == ()
    assert changes({"weaviate": {"version": "1.0.0"}}, Running("latest")) == ()


def test_a_token_stands_for_exactly_one_change_at_one_time() -> None:
    patches = [
        {"weaviate": {"replicas": 1}},
        {"weaviate": {"replicas": 2}},
        {"weaviate": {"version": "2.0.0"}},
        huge(),
    ]
    later = Running("1.35.2", 3, RUNNING.space, "2026-02-01T00:00:00Z", "2026-02-01T00:00:00Z")
    tokens = [changes(patch, running)[0].token for patch in patches for running in (RUNNING, later)]
    assert len(set(tokens)) == len(tokens)
    assert changes(patches[0])[0].token == tokens[0]


@pytest.mark.parametrize("between", [",", ", ", " "])
def test_the_annotation_accepts_what_it_names(between: str) -> None:
    found = changes(merged(huge(), {"weaviate": {"replicas": 1}}))
    marked = {"annotations": {ACCEPT_ANNOTATION: between.join(change.token for change in found)}}
    assert accepted(marked, found) == found
    assert accepted({"annotations": {ACCEPT_ANNOTATION: found[0].token}}, found) == found[:1]
    assert accepted({"annotations": {ACCEPT_ANNOTATION: ""}}, found) == ()
    assert accepted({}, found) == ()


def test_an_empty_annotation_does_not_accept_what_cannot_be_accepted() -> None:
    refused = Change(Reason.CHANGE_REFUSED, "shrinks", "set it back")
    assert accepted({"annotations": {ACCEPT_ANNOTATION: ","}}, [refused]) == ()


def test_the_message_has_one_command_for_all() -> None:
    found = changes(merged(huge(), {"weaviate": {"replicas": 1}}))
    tokens = ",".join(change.token for change in found)
    command = f"kubectl annotate bv t -n demo --overwrite bindvectorizer.dev/accept={tokens}"
    # In a condition the lines are one, and no sign may stick to what a double click takes.
    assert f" {command} " in one_line(describe(KEY, found))
    failure = failure_of(KEY, found)
    assert (failure.reason, failure.is_final) == (Reason.CHANGE_NEEDS_CONSENT, True)


def test_what_cannot_be_made_is_said_alone() -> None:
    refused = Change(Reason.CHANGE_REFUSED, "the size would shrink", "set it back to 2Gi")
    failure = failure_of(KEY, [*changes({"weaviate": {"replicas": 1}}), refused])
    assert failure.reason is Reason.CHANGE_REFUSED
    assert failure.message == "the size would shrink. What to do: set it back to 2Gi."


@pytest.mark.parametrize("space", [Space("Tiny", "seeded", "float", "weaviate")])
def test_a_space_is_described(space: Space) -> None:
    assert str(space) == "Tiny (seeded weights, float, texts cut as weaviate)"


EXTERNAL = {"weaviate": {"version": "1.35.2", "replicas": 1, "external": {"url": "http://w.local"}}}


def to_external(running: Running) -> tuple[Change, ...]:
    return breaking_changes(running, spec(EXTERNAL), may_hold_vectors=True)


def test_a_weaviate_that_runs_does_not_go_without_consent() -> None:
    (change,) = to_external(RUNNING)
    assert change.reason is Reason.CHANGE_NEEDS_CONSENT
    assert change.token
    for words in ("1.35.2", "its 3 pods", "http://w.local", "volumes stay"):
        assert words in change.breaks
    assert "remove spec.weaviate.external" in change.remedy
    assert "resource of another name" in change.remedy
    (later,) = to_external(replace(RUNNING, weaviate_since="2027-01-01T00:00:00Z"))
    assert later.token != change.token


def test_where_no_weaviate_has_run_an_external_one_is_free() -> None:
    assert to_external(replace(RUNNING, version=None, replicas=None)) == ()


def test_what_a_server_elsewhere_serves_is_another_space() -> None:
    external = {"external": {"url": "http://b.local"}, "model": {"name": "ImageBindHuge"}}
    (change,) = changes({"inference": external})
    assert "the server at http://b.local" in change.breaks
    assert changes({"inference": external}, may_hold_vectors=False) == ()
    there = replace(RUNNING, space=wanted_space(spec({"inference": external}).inference))
    assert changes({"inference": external}, there) == ()
    other = external | {"external": {"url": "http://c.local"}}
    assert len(changes({"inference": other}, there)) == 1
