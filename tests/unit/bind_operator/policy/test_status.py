"""The whole status, as it is written to the API server."""

from dataclasses import replace
from typing import Any

from bind_operator.api import parse_resource
from bind_operator.api.status import BindVectorizerStatus, ConditionType
from bind_operator.policy.conditions import Facts
from bind_operator.policy.facts import Failure, Key, Revision, Verification, Workload
from bind_operator.policy.state import ReleaseState
from bind_operator.policy.status import build_status, weaviate_digest
from bind_operator.reasons import Reason
from support.resources import tiny_resource

REVISION = Revision(3, "deployed", managed=True, digest="d", chart="weaviate-bind-0.1.0", modified_at=0.0)
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
    assert [condition["type"] for condition in conditions] == list(ConditionType)
    assert status == {
        "observedGeneration": 7,
        "release": {"name": "t", "revision": 3, "chart": "weaviate-bind-0.1.0", "digest": "d"},
        "endpoints": {
            "http": "http://t-weaviate.demo.svc",
            "grpc": "t-weaviate-grpc.demo.svc:50051",
            "inference": "http://t-inference.demo.svc:8080",
        },
        "device": "CPU",
        "replicas": "2/2",
        "model": "Tiny (random weights, for trying only)",
        "history": [
            {"revision": 3, "status": "deployed", "chart": "weaviate-bind-0.1.0", "digest": "d"},
        ],
        "lastVerified": {
            "revision": 3,
            "digest": "d",
            "weaviate": weaviate_digest(parse_resource(tiny_resource("t", "demo"))),
        },
    }


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
