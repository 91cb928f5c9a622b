"""The whole status, as it is written to the API server."""

from dataclasses import replace
from typing import Any

from bind_operator.api import parse_resource
from bind_operator.api.status import BindVectorizerStatus, ConditionType
from bind_operator.policy.conditions import Facts
from bind_operator.policy.facts import (
    Component,
    Failure,
    Key,
    Problem,
    Revision,
    VectorSketches,
    Verification,
    Workload,
)
from bind_operator.policy.profiles import AppliedProfile
from bind_operator.policy.state import ReleaseState
from bind_operator.policy.status import build_status, weaviate_digest
from bind_operator.reasons import Reason
from support.resources import merged, tiny_resource

REVISION = Revision(3, "deployed", managed=True, digest="d", chart="weaviate-bind-0.1.0", created_at=0.0)
INFERENCE = Workload("t-inference", "t", wanted=2, ready=2, is_current=True)
WELL = Facts(
    state=ReleaseState.IN_SYNC,
    revisions=(REVISION,),
    weaviate=Workload("t-weaviate", "t", wanted=1, ready=1, is_current=True),
    inference=INFERENCE,
    verification=Verification(holds=True, reason=Reason.VERIFIED, message="fine"),
)
UNREADY = replace(INFERENCE, ready=1)


def status_of(facts: Facts, previous: dict[str, Any], now: str) -> BindVectorizerStatus:
    return build_status(Key("demo", "t"), parse_resource(tiny_resource("t", "demo")), 7, facts, previous, now)


def written(status: BindVectorizerStatus) -> dict[str, Any]:
    return status.model_dump(mode="json", by_alias=True, exclude_none=True)


def test_equal_facts_give_an_equal_status_at_any_time() -> None:
    first = status_of(WELL, {}, "2026-01-01T00:00:00Z")
    assert status_of(WELL, written(first), "2027-01-01T00:00:00Z") == first


def test_transition_time_moves_only_with_the_status() -> None:
    first = status_of(replace(WELL, inference=UNREADY), {}, "2026-01-01T00:00:00Z")
    second = status_of(WELL, written(first), "2026-01-02T00:00:00Z")
    times = {one.type: one.last_transition_time for one in second.conditions}
    assert times["Ready"] == "2026-01-02T00:00:00Z"
    assert times["InferenceReady"] == "2026-01-02T00:00:00Z"
    assert times["WeaviateReady"] == "2026-01-01T00:00:00Z"


def test_status_as_it_is_written() -> None:
    status = written(status_of(WELL, {}, "2026-01-01T00:00:00Z"))
    conditions = status.pop("conditions")
    assert conditions[0] == {
        "type": "Ready",
        "status": "True",
        "reason": "InSync",
        "message": "the release matches the spec",
        "observedGeneration": 7,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    only_asked_for = {ConditionType.BACKED_UP, ConditionType.RESTORED}
    assert [condition["type"] for condition in conditions] == [
        type_ for type_ in ConditionType if type_ not in only_asked_for
    ]
    assert status == {
        "observedGeneration": 7,
        "release": {"name": "t", "revision": 3, "chart": "weaviate-bind-0.1.0", "digest": "d"},
        "endpoints": {
            "http": "http://t-weaviate.demo.svc",
            "grpc": "t-weaviate-grpc.demo.svc:50051",
            "inference": "http://t-inference.demo.svc:8080",
        },
        "device": "CPU",
        "hardware": {
            "precision": "auto",
            "replicas": 1,
            "requests": {"cpu": "1", "memory": "3Gi"},
            "limits": {"memory": "12Gi"},
            "nodeSelector": {},
        },
        "replicas": "2/2",
        "model": "Tiny (random weights, for trying only)",
        "storage": [],
        "history": [
            {"revision": 3, "status": "deployed", "chart": "weaviate-bind-0.1.0", "digest": "d"},
        ],
        "lastVerified": {
            "revision": 3,
            "digest": "d",
            "weaviate": weaviate_digest(parse_resource(tiny_resource("t", "demo"))),
        },
    }


def test_where_weaviate_runs_and_how_it_is_reached_is_not_what_a_rollback_must_not_change() -> None:
    def digest(**weaviate: object) -> str:
        spec = {"weaviate": {"version": "1.35.2", **weaviate}}
        return weaviate_digest(parse_resource(merged(tiny_resource("t"), {"spec": spec})))

    # As an operator before these fields wrote it down.
    assert digest() == "9b64e67c2de71f41"
    assert digest(nodeSelector={"disk": "ssd"}, service={"type": "NodePort"}) == digest()
    assert digest(podAnnotations={"a": "b"}, extraVolumes=[{"name": "mine", "emptyDir": {}}]) == digest()
    assert digest(modules=[{"name": "generative-ollama"}]) == digest()
    assert digest(replicas=2) != digest()
    assert weaviate_digest(parse_resource(merged(tiny_resource("t"), EXTERNAL))) != digest()


def test_the_release_is_told_until_a_deletion_has_ended() -> None:
    release = {"name": "t", "revision": 3, "chart": "weaviate-bind-0.1.0", "digest": "d"}
    gone = replace(WELL, state=ReleaseState.ABSENT, revisions=(), deleting=True)
    now = "2026-01-01T00:00:00Z"
    assert written(status_of(gone, {"release": release}, now))["release"] == release
    assert "release" not in written(status_of(gone, {}, now))
    assert "release" not in written(status_of(replace(gone, deleting=False), {"release": release}, now))
    foreign = replace(gone, state=ReleaseState.FOREIGN)
    assert "release" not in written(status_of(foreign, {"release": release}, now))


def test_the_profile_and_what_it_comes_to_are_told() -> None:
    applied = AppliedProfile("fast", "digest", ("spec.inference.replicas",), None)
    spec = {"device": "CUDA", "gpu": {"count": 2}, "inference": {"nodeSelector": {"gpu": "t4"}}}
    resource = parse_resource(merged(tiny_resource("t", "demo"), {"spec": spec}))
    facts = replace(WELL, profile=applied)
    status = written(build_status(Key("demo", "t"), resource, 1, facts, {}, "2026-01-01T00:00:00Z"))
    assert status["profile"] == {
        "name": "fast",
        "digest": "digest",
        "overridden": ["spec.inference.replicas"],
    }
    assert status["hardware"]["gpu"] == "2 nvidia.com/gpu"
    assert status["hardware"]["nodeSelector"] == {"gpu": "t4"}


def test_what_was_verified_and_rolled_back_before_is_kept() -> None:
    rolled_back = {"generation": 6, "fromRevision": 2, "toRevision": 1, "digest": "c", "message": "stuck"}
    verified = {"revision": 1, "digest": "c", "weaviate": "w"}
    previous = {"lastVerified": verified, "remediation": rolled_back}
    status = written(status_of(replace(WELL, verification=None), previous, "2026-01-01T00:00:00Z"))
    assert (status["lastVerified"], status["remediation"]) == (verified, rolled_back)


def test_a_record_that_cannot_be_read_is_dropped() -> None:
    previous = {"lastVerified": {"revision": "x"}, "remediation": 3}
    status = written(status_of(replace(WELL, verification=None), previous, "2026-01-01T00:00:00Z"))
    assert "lastVerified" not in status
    assert "remediation" not in status


def test_an_invalid_spec_still_has_a_status() -> None:
    facts = Facts(state=ReleaseState.ABSENT, failure=Failure(Reason.INVALID_SPEC, "spec.x", is_final=True))
    status = build_status(Key("demo", "t"), None, 1, facts, {}, "2026-01-01T00:00:00Z")
    assert "device" not in written(status)
    assert status.ready.reason == "InvalidSpec"


def test_a_release_of_somebody_else_is_not_in_the_status() -> None:
    foreign = replace(WELL, revisions=(replace(REVISION, managed=False),))
    assert status_of(foreign, {}, "2026-01-01T00:00:00Z").release is None


def test_nothing_of_a_release_of_somebody_else_is_shown() -> None:
    """Neither its revisions, nor its replicas, nor addresses that would lead to it."""
    failure = Failure(Reason.FOREIGN_OWNER, "not ours", is_final=True)
    theirs = (replace(REVISION, managed=False, chart="theirs-9"),)
    facts = replace(
        WELL,
        state=ReleaseState.FOREIGN,
        failure=failure,
        revisions=theirs,
        problem=Problem(Reason.CRASH_LOOPING, "their pod says their words"),
    )
    status = written(status_of(facts, {}, "2026-01-01T00:00:00Z"))
    assert not {"release", "endpoints", "replicas"} & set(status)
    assert status["history"] == []
    conditions = {one["type"]: one for one in status["conditions"]}
    assert conditions["InferenceReady"]["reason"] == "NotReleased"
    assert conditions["WeaviateReady"]["reason"] == "NotReleased"
    assert "their" not in str(status)


def test_an_invalid_spec_shows_nothing_of_a_release_of_somebody_else() -> None:
    failure = Failure(Reason.INVALID_SPEC, "spec.x", is_final=True)
    facts = replace(WELL, state=ReleaseState.FOREIGN, failure=failure)
    status = written(build_status(Key("demo", "t"), None, 1, facts, {}, "2026-01-01T00:00:00Z"))
    assert not {"release", "endpoints", "replicas"} & set(status)
    assert status["history"] == []


def test_an_invalid_spec_shows_its_own_release() -> None:
    failure = Failure(Reason.INVALID_SPEC, "spec.x", is_final=True)
    facts = replace(WELL, state=ReleaseState.OUT_OF_SYNC, failure=failure)
    status = written(build_status(Key("demo", "t"), None, 1, facts, {}, "2026-01-01T00:00:00Z"))
    assert status["release"]["revision"] == 3
    assert status["replicas"] == "2/2"


def test_messages_are_bounded() -> None:
    facts = replace(WELL, failure=Failure(Reason.HELM_FAILED, "wört\x1b[2J\n" * 1000, is_final=False))
    for condition in written(status_of(facts, {}, "2026-01-01T00:00:00Z"))["conditions"]:
        assert len(condition["message"].encode()) <= 1000
        assert condition["message"].isprintable()


def test_a_field_that_is_ignored_is_named_beside_the_release() -> None:
    facts = replace(WELL, ignored=("spec.future", "spec.inference.later"))
    conditions = {one.type: one for one in status_of(facts, {}, "2026-01-01T00:00:00Z").conditions}
    message = conditions["Released"].message
    assert "spec.future, spec.inference.later" in message
    assert "upgrade the operator" in message
    assert (conditions["Ready"].status, conditions["Released"].status) == ("True", "True")


def test_the_request_that_was_handled_is_told() -> None:
    status = build_status(
        Key("demo", "t"),
        parse_resource(tiny_resource("t", "demo")),
        7,
        WELL,
        {},
        "2026-01-01T00:00:00Z",
        request="now!",
    )
    assert written(status)["lastHandledReconcile"] == "now!"


VERIFIED = Verification(
    True,
    Reason.VERIFIED,
    "fine",
    fingerprint="f",
    vectors=VectorSketches("f", "00", "01"),
    verified_at="2026-01-01T12:00:00Z",
)


def verified(at: str, previous: dict[str, Any], **changes: Any) -> dict[str, Any]:
    facts = replace(WELL, verification=replace(VERIFIED, verified_at=at, **changes))
    return written(status_of(facts, previous, at))


def test_the_time_of_the_last_check_is_written_by_the_hour() -> None:
    first = verified("2026-01-01T12:00:00Z", {})
    assert first["lastVerifiedTime"] == "2026-01-01T12:00:00Z"
    assert verified("2026-01-01T12:59:59Z", first) == first
    assert verified("2026-01-01T13:00:00Z", first)["lastVerifiedTime"] == "2026-01-01T13:00:00Z"


def test_the_time_of_the_last_check_is_written_when_the_result_changes() -> None:
    first = verified("2026-01-01T12:00:00Z", {})
    lost = Verification(None, Reason.VERIFYING, "refused")
    between = written(status_of(replace(WELL, verification=lost), first, "2026-01-01T12:10:00Z"))
    assert between["lastVerifiedTime"] == "2026-01-01T12:00:00Z"
    assert verified("2026-01-01T12:20:00Z", between)["lastVerifiedTime"] == "2026-01-01T12:20:00Z"


def test_the_first_vectors_of_a_fingerprint_are_kept() -> None:
    first = verified("2026-01-01T12:00:00Z", {})
    assert first["verifiedVectors"] == {"fingerprint": "f", "text": "00", "image": "01"}
    nearly = verified("2026-01-01T14:00:00Z", first, vectors=VectorSketches("f", "02", "03"))
    assert nearly["verifiedVectors"] == first["verifiedVectors"]
    rolling = written(status_of(replace(WELL, inference=UNREADY, verification=None), first, "-"))
    assert rolling["verifiedVectors"] == first["verifiedVectors"]
    other = verified("2026-01-01T14:00:00Z", first, vectors=VectorSketches("g", "02", "03"))
    assert other["verifiedVectors"]["fingerprint"] == "g"


def test_a_time_that_somebody_broke_is_written_anew() -> None:
    broken = verified("2026-01-01T12:00:00Z", {}) | {"lastVerifiedTime": "yesterday"}
    assert verified("2026-01-01T12:00:01Z", broken)["lastVerifiedTime"] == "2026-01-01T12:00:01Z"


EXTERNAL = {"spec": {"weaviate": {"external": {"url": "https://w.example.com"}}}}
APART = replace(
    WELL,
    weaviate=None,
    gate=Workload("t-gate", "t", wanted=2, ready=2, is_current=True),
    shape=(Component.INFERENCE, Component.GATE),
    external_url="https://w.example.com",
)


def external_status(facts: Facts) -> dict[str, Any]:
    resource = parse_resource(merged(tiny_resource("t", "demo"), EXTERNAL))
    return written(build_status(Key("demo", "t"), resource, 7, facts, {}, "2026-01-01T00:00:00Z"))


def test_an_external_weaviate_is_told_what_to_set() -> None:
    status = external_status(APART)
    assert status["endpoints"] == {
        "http": "https://w.example.com",
        "inference": "http://t-inference.demo.svc:8080",
        "gate": "http://t-gate.demo.svc",
    }
    env = status["weaviateSettings"]["env"]
    assert env == {"ENABLE_MODULES": "multi2vec-bind", "BIND_INFERENCE_API": "http://t-gate.demo.svc"}
    assert "inferenceUrl: http://t-gate.demo.svc" in status["weaviateSettings"]["helmValues"]
    conditions = {one["type"]: (one["status"], one["reason"]) for one in status["conditions"]}
    assert conditions["Ready"] == ("True", "InSync")
    assert conditions["WeaviateReady"] == ("True", "Answers")
    assert conditions["InferenceReady"] == ("True", "AllReady")


def test_what_is_wrong_with_an_external_weaviate_is_said_of_it_and_of_ready() -> None:
    fault = Problem(Reason.MODULE_ABSENT, "set ENABLE_MODULES")
    check = Verification(False, fault.reason, fault.message, weaviate_fault=fault)
    conditions = {
        one["type"]: (one["status"], one["reason"])
        for one in external_status(replace(APART, verification=check))["conditions"]
    }
    assert conditions["Ready"] == conditions["WeaviateReady"] == ("False", "ModuleAbsent")
    assert conditions["Verified"] == ("False", "ModuleAbsent")


def test_gates_that_are_not_ready_are_told() -> None:
    unready = replace(APART, gate=replace(APART.gate, ready=1), verification=None)
    ready = external_status(unready)["conditions"][0]
    assert (ready["status"], ready["reason"], ready["message"]) == (
        "Unknown",
        "GateNotReady",
        "1 of 2 gate pods are ready",
    )
    absent = {
        one["type"]: one["reason"] for one in external_status(replace(unready, gate=None))["conditions"]
    }
    assert absent["WeaviateReady"] == "Verifying"


def test_an_inference_server_elsewhere_is_asked_and_not_counted() -> None:
    external = {"external": {"url": "http://b.local:8080"}, "model": {"name": "ImageBindHuge"}}
    resource = parse_resource(merged(tiny_resource("t", "demo"), {"spec": {"inference": external}}))
    facts = replace(WELL, inference=None, shape=(Component.WEAVIATE,), external_url="http://b.local:8080")
    status = written(build_status(Key("demo", "t"), resource, 7, facts, {}, "2026-01-01T00:00:00Z"))
    assert not {"device", "replicas", "weaviateSettings"} & set(status)
    assert status["endpoints"]["inference"] == "http://b.local:8080"
    assert status["model"] == "that of the external server"
    conditions = {one["type"]: (one["status"], one["reason"]) for one in status["conditions"]}
    assert conditions["Ready"] == ("True", "InSync")
    assert conditions["InferenceReady"] == ("True", "Answers")
    assert conditions["WeaviateReady"] == ("True", "AllReady")
