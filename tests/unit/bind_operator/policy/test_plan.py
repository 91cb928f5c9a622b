"""The rules by which an action follows from a state; the table itself stands in plan.py alone."""

from typing import Any

import pytest

from bind_operator.api.drift import DriftMode
from bind_operator.policy.drift import Correction, Ref, Report, missing
from bind_operator.policy.plan import ONLY_TOLD, Action, Situation, decide, next_action, while_held_back
from bind_operator.policy.remediation import Step
from bind_operator.policy.state import ReleaseState

UPGRADED = {ReleaseState.OUT_OF_SYNC, ReleaseState.FAILED, ReleaseState.TAKEN_OVER}
NOT_FREE = {ReleaseState.ABSENT, ReleaseState.FOREIGN, ReleaseState.BUSY}
"""No release of ours is there, or another Helm is at work on it."""


def wanted(state: ReleaseState) -> Action:
    return decide(state, deleting=False, suspended=False)


def deleting(state: ReleaseState) -> Action:
    return decide(state, deleting=True, suspended=False)


@pytest.mark.parametrize("state", ReleaseState)
def test_every_state_has_an_action(state: ReleaseState) -> None:
    assert isinstance(wanted(state), Action)


def test_a_release_that_is_missing_is_installed() -> None:
    assert [state for state in ReleaseState if wanted(state) is Action.INSTALL] == [ReleaseState.ABSENT]


def test_only_what_differs_from_the_spec_is_upgraded() -> None:
    assert {state for state in ReleaseState if wanted(state) is Action.UPGRADE} == UPGRADED


def test_objects_that_drifted_are_put_back_without_a_revision() -> None:
    assert wanted(ReleaseState.DRIFTED) is Action.CORRECT


@pytest.mark.parametrize("state", ReleaseState)
def test_what_is_left_to_somebody_else_is_neither_changed_nor_uninstalled(state: ReleaseState) -> None:
    found = decide(state, deleting=False, suspended=False, stands_back=True)
    assert found is (Action.WAIT if state is ReleaseState.BUSY else Action.STAND_BACK)
    assert decide(state, deleting=True, suspended=False, stands_back=True) is Action.FINISH_DELETION


def test_only_a_release_in_sync_is_left_alone() -> None:
    assert [state for state in ReleaseState if wanted(state) is Action.NOTHING] == [ReleaseState.IN_SYNC]


def test_a_locked_release_is_unlocked_before_anything_else() -> None:
    assert wanted(ReleaseState.LOCKED) is Action.UNLOCK


def test_a_half_uninstalled_release_is_uninstalled_to_its_end() -> None:
    assert wanted(ReleaseState.UNINSTALLING) is Action.UNINSTALL


def test_a_release_that_helm_is_at_work_on_is_waited_for() -> None:
    assert wanted(ReleaseState.BUSY) is deleting(ReleaseState.BUSY) is Action.WAIT


def test_a_foreign_release_is_refused_and_never_uninstalled() -> None:
    assert wanted(ReleaseState.FOREIGN) is Action.REFUSE
    assert deleting(ReleaseState.FOREIGN) is Action.FINISH_DELETION


@pytest.mark.parametrize("state", [state for state in ReleaseState if state not in NOT_FREE])
def test_a_deletion_uninstalls_every_release_of_ours(state: ReleaseState) -> None:
    assert deleting(state) is Action.UNINSTALL


def test_a_deletion_without_a_release_is_finished() -> None:
    assert deleting(ReleaseState.ABSENT) is Action.FINISH_DELETION


@pytest.mark.parametrize("state", ReleaseState)
def test_deletion_goes_before_suspension(state: ReleaseState) -> None:
    assert decide(state, deleting=True, suspended=True) is deleting(state)


@pytest.mark.parametrize("state", ReleaseState)
def test_suspended_does_nothing(state: ReleaseState) -> None:
    assert decide(state, deleting=False, suspended=True) is Action.NOTHING


GONE = missing(Ref("Service", "t-weaviate"))
PUT_BACK = Report(DriftMode.ENABLED, (Correction(GONE, GONE.differences, ()),))
CONTESTED = Report(DriftMode.ENABLED, contested=("Service t-weaviate is missing",))
NO_DRIFT = Report(DriftMode.ENABLED)
IN_SYNC, DRIFTED, OUT_OF_SYNC = ReleaseState.IN_SYNC, ReleaseState.DRIFTED, ReleaseState.OUT_OF_SYNC
HOLD = {"state": OUT_OF_SYNC, "step": Step.HOLD}

NEXT: dict[str, tuple[dict[str, Any], Action]] = {
    "nothing is to be done": ({"state": IN_SYNC}, Action.NOTHING),
    "the spec has changed": ({"state": OUT_OF_SYNC}, Action.UPGRADE),
    "it is suspended": ({"state": OUT_OF_SYNC, "suspended": True}, Action.NOTHING),
    "it is deleted": ({"state": OUT_OF_SYNC, "deleting": True}, Action.UNINSTALL),
    "it is left to somebody": ({"state": ReleaseState.TAKEN_OVER, "stands_back": True}, Action.STAND_BACK),
    "the spec is invalid": ({"state": OUT_OF_SYNC, "is_invalid": True}, Action.NOTHING),
    "the name is taken, the spec invalid": (
        {"state": ReleaseState.FOREIGN, "is_invalid": True},
        Action.NOTHING,
    ),
    "an invalid one is deleted": (
        {"state": OUT_OF_SYNC, "is_invalid": True, "deleting": True},
        Action.UNINSTALL,
    ),
    "an object is gone": ({"state": DRIFTED, "drift": PUT_BACK}, Action.CORRECT),
    "it was put back too often": ({"state": DRIFTED, "drift": CONTESTED}, Action.NOTHING),
    "the record cannot be read": ({"state": DRIFTED}, Action.UPGRADE),
    "a rollout stands still": ({"state": IN_SYNC, "step": Step.RECORD}, Action.RECORD),
    "that is written down": ({"state": IN_SYNC, "step": Step.ROLL_BACK}, Action.ROLL_BACK),
    "it has drifted meanwhile": (
        {"state": DRIFTED, "drift": PUT_BACK, "step": Step.ROLL_BACK},
        Action.ROLL_BACK,
    ),
    "it is back": (HOLD | {"drift": NO_DRIFT}, Action.NOTHING),
    "what is back has drifted": (HOLD | {"drift": PUT_BACK}, Action.CORRECT),
    "what is back is contested": (HOLD | {"drift": CONTESTED, "lacks_workload": True}, Action.NOTHING),
    "what is back cannot be read": (HOLD, Action.NOTHING),
    "nor is it whole": (HOLD | {"lacks_workload": True}, Action.RESTORE),
    "somebody took over what is back": (
        {"state": ReleaseState.TAKEN_OVER, "step": Step.HOLD, "lacks_workload": True},
        Action.NOTHING,
    ),
}


@pytest.mark.parametrize("why", NEXT)
def test_what_a_look_finds_decides_the_next_action(why: str) -> None:
    facts, action = NEXT[why]
    assert next_action(Situation(**facts)) is action


@pytest.mark.parametrize("state", ReleaseState)
def test_an_invalid_spec_changes_nothing(state: ReleaseState) -> None:
    assert next_action(Situation(state, is_invalid=True)) in ONLY_TOLD


def test_what_is_deployed_is_kept_whole_while_the_spec_is_held_back() -> None:
    assert while_held_back(Situation(OUT_OF_SYNC)) is Action.NOTHING
    assert while_held_back(Situation(OUT_OF_SYNC, lacks_workload=True)) is Action.RESTORE
