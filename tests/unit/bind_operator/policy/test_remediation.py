"""When a rollout stands still, and what is done about it."""

from dataclasses import replace
from typing import Any

import pytest

from bind_operator.api.status import LastVerified, RemediationStatus
from bind_operator.policy.facts import Problem, Revision, Workload
from bind_operator.policy.remediation import Remedy, Step, remedy_of, standstill_of
from bind_operator.policy.state import ReleaseState
from bind_operator.reasons import Reason

OLD, NEW = "old-digest", "new-digest"
WORDS = "the rollout of t-inference stands still: 0/1 nodes are available: 1 Insufficient nvidia.com/gpu."
INFERENCE = Workload("t-inference", "t", wanted=1, ready=0, is_current=False)
WEAVIATE = Workload("t-weaviate", "t", wanted=2, ready=1, is_current=False)
STARTED = 1_700_000_000.0
CREATED = "2023-11-14T22:13:20Z"


def revision(number: int, digest: str, status: str = "superseded") -> Revision:
    return Revision(number, status, True, digest, "weaviate-bind-0.1.0", 0.0)


STUCK = (revision(2, NEW, "deployed"), revision(1, OLD))
BACK = (revision(3, OLD, "deployed"), revision(2, NEW), revision(1, OLD))
VERIFIED = LastVerified(revision=1, digest=OLD, weaviate="same")
RECORD = RemediationStatus(generation=7, from_revision=2, to_revision=1, digest=OLD, message=WORDS)


def remedy(state: ReleaseState = ReleaseState.IN_SYNC, revisions: Any = STUCK, **changes: Any) -> Remedy:
    facts: dict[str, Any] = {
        "generation": 7,
        "wanted_digest": NEW,
        "weaviate": "same",
        "standstill": WORDS,
        "rolls_back": True,
        "verified": VERIFIED,
        "before": None,
        "request": None,
    }
    return remedy_of(state, revisions, **(facts | changes))


def test_it_is_written_down_first() -> None:
    assert remedy() == Remedy(Step.RECORD, RECORD)


def test_then_it_is_rolled_back() -> None:
    assert remedy(before=RECORD) == Remedy(Step.ROLL_BACK, RECORD)


def test_then_the_spec_is_not_tried_again() -> None:
    found = remedy(ReleaseState.OUT_OF_SYNC, BACK, before=RECORD, standstill="")
    assert found.step is Step.HOLD
    assert found.failure is not None
    assert (found.failure.reason, found.failure.is_final) == (Reason.ROLLED_BACK, True)
    assert "revision 1, because the rollout of t-inference stands still" in found.failure.message


def test_a_new_spec_starts_anew() -> None:
    assert remedy(ReleaseState.OUT_OF_SYNC, BACK, before=RECORD, generation=8).step is Step.NONE
    again = (revision(4, "third", "deployed"), *BACK)
    verified = LastVerified(revision=3, digest=OLD, weaviate="same")
    found = remedy(revisions=again, before=RECORD, generation=8, wanted_digest="third", verified=verified)
    assert found.step is Step.RECORD


@pytest.mark.parametrize("what", ["profile", "values"])
def test_a_changed_profile_or_values_are_tried_as_a_new_spec_is(what: str) -> None:
    record = RECORD.model_copy(update={what: "old"})
    held = remedy(ReleaseState.OUT_OF_SYNC, BACK, before=record, standstill="", **{what: "old"})
    assert held.step is Step.HOLD
    assert remedy(ReleaseState.OUT_OF_SYNC, BACK, before=record, **{what: "new"}).step is Step.NONE
    again = (revision(4, NEW, "deployed"), *BACK)
    found = remedy(revisions=again, before=record, **{what: "new"})
    assert (found.step, found.record and getattr(found.record, what)) == (Step.RECORD, "new")


def test_a_person_asks_for_the_same_spec_once_more() -> None:
    assert remedy(ReleaseState.OUT_OF_SYNC, BACK, before=RECORD, request="1").step is Step.NONE
    # What was asked for in vain is what the next decision remembers.
    again = (revision(4, NEW, "deployed"), *BACK)
    found = remedy(revisions=again, before=RECORD, request="1")
    assert (found.step, found.record) == (
        Step.RECORD,
        RECORD.model_copy(update={"from_revision": 4, "to_revision": 3, "request": "1"}),
    )
    assert remedy(revisions=again, before=found.record, request="1").step is Step.ROLL_BACK


@pytest.mark.parametrize("request_", ["1", None])
def test_each_value_of_the_annotation_is_one_attempt(request_: str | None) -> None:
    record = RECORD.model_copy(update={"request": "1"})
    found = remedy(ReleaseState.OUT_OF_SYNC, BACK, before=record, standstill="", request=request_)
    assert found.step is Step.HOLD
    assert remedy(ReleaseState.OUT_OF_SYNC, BACK, before=record, request="2").step is Step.NONE


def test_an_attempt_that_was_asked_for_and_works_is_left() -> None:
    again = (revision(4, NEW, "deployed"), *BACK)
    assert remedy(revisions=again, before=RECORD, request="1", standstill="").step is Step.NONE


def test_the_newest_revision_of_what_was_verified_is_the_aim() -> None:
    # Helm keeps five: that of the first rollout goes when the same spec was tried a third time.
    kept = (revision(6, NEW, "deployed"), revision(5, OLD), revision(4, NEW), revision(3, OLD, "failed"))
    record = remedy(revisions=kept).record
    assert record is not None
    assert (record.from_revision, record.to_revision) == (6, 5)


def test_a_rollback_that_failed_is_tried_again() -> None:
    failed = (revision(3, OLD, "failed"), *BACK[1:])
    assert remedy(ReleaseState.OUT_OF_SYNC, failed, before=RECORD, standstill="").step is Step.ROLL_BACK


def test_one_that_went_on_after_all_is_left() -> None:
    assert remedy(before=RECORD, standstill="").step is Step.NONE


def test_one_that_was_brought_back_by_hand_is_not_rolled_back_twice() -> None:
    by_hand = (revision(4, NEW, "deployed"), *BACK)
    assert remedy(revisions=by_hand, before=RECORD).step is Step.NONE


LEFT: dict[str, dict[str, Any]] = {
    "it goes on": {"standstill": ""},
    "the resource says never": {"rolls_back": False},
    "nothing was verified": {"verified": None},
    "Weaviate has changed": {"weaviate": "another"},
    "the same was verified": {"verified": LastVerified(revision=2, digest=NEW, weaviate="same")},
    "Helm has forgotten it": {"verified": LastVerified(revision=9, digest="forgotten", weaviate="same")},
    "it only failed": {"revisions": (STUCK[0], revision(1, OLD, "failed"))},
    "it is locked": {"state": ReleaseState.LOCKED},
    "it is somebody else's": {"state": ReleaseState.FOREIGN},
    "there is no release": {"revisions": ()},
}


@pytest.mark.parametrize("why", LEFT)
def test_it_is_left_as_it_is(why: str) -> None:
    assert remedy(**LEFT[why]).step is Step.NONE


def standstill(*, pods: Any = (), now: float = 0.0, problem: Problem | None = None, **workloads: Any) -> str:
    both = {"weaviate": None, "inference": None} | workloads
    return standstill_of(
        both["weaviate"], both["inference"], both.get("gate"), pods, problem, now=now, deadline_s=60
    )


def test_a_deployment_says_it_itself() -> None:
    stuck = replace(INFERENCE, stuck="ReplicaSet has timed out progressing.")
    assert standstill(inference=INFERENCE) == ""
    assert standstill(inference=stuck).endswith("stands still: ReplicaSet has timed out progressing.")
    problem = Problem(Reason.UNSCHEDULABLE, "0/1 nodes are available: 1 Insufficient nvidia.com/gpu.")
    assert standstill(inference=stuck, problem=problem) == WORDS


def pod(*, ready: str | None = None, deleting: bool = False) -> dict[str, Any]:
    labels = {"app.kubernetes.io/component": "weaviate"}
    metadata: dict[str, Any] = {"labels": labels, "creationTimestamp": CREATED}
    condition = {"type": "Ready", "status": ready, "lastTransitionTime": CREATED}
    more = {"deletionTimestamp": CREATED} if deleting else {}
    return {"metadata": metadata | more, "status": {"conditions": [condition] if ready else []}}


def test_a_stateful_set_stands_still_where_a_pod_is_not_ready_for_long() -> None:
    late, soon = STARTED + 61, STARTED + 59
    for unready in (pod(), pod(ready="False")):
        assert "a pod has not been ready for 60 s" in standstill(weaviate=WEAVIATE, pods=[unready], now=late)
        assert standstill(weaviate=WEAVIATE, pods=[unready], now=soon) == ""
    for well in (pod(ready="True"), pod(deleting=True)):
        assert standstill(weaviate=WEAVIATE, pods=[well], now=late) == ""


def test_a_pod_that_starts_again_is_no_rollout() -> None:
    current = replace(WEAVIATE, is_current=True)
    assert standstill(weaviate=current, pods=[pod(ready="False")], now=STARTED + 900) == ""
