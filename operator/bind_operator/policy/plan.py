"""The one action that brings a release nearer to the spec follows from what a look finds."""

from dataclasses import dataclass
from enum import StrEnum

from bind_operator.policy.drift import Report
from bind_operator.policy.remediation import Step
from bind_operator.policy.state import ReleaseState


class Action(StrEnum):
    """The reconciler does one of these in a pass, and looks again after each."""

    NOTHING = "Nothing"
    WAIT = "Wait"
    """Somebody else is at work on the release."""
    REFUSE = "Refuse"
    """The name belongs to somebody else: the operator says so and touches nothing."""
    STAND_BACK = "StandBack"
    """Somebody else took the release over, and the policy leaves it to them."""
    INSTALL = "Install"
    UPGRADE = "Upgrade"
    RESTORE = "Restore"
    """The spec may not be applied yet, so the revision that is deployed is applied again."""
    CORRECT = "Correct"
    """Objects are put back as the release made them, without another revision."""
    RECORD = "Record"
    """A rollout stands still: that it is rolled back is written down, before it is."""
    ROLL_BACK = "RollBack"
    """What ran before is brought back; `remediation` decides it."""
    UNLOCK = "Unlock"
    UNINSTALL = "Uninstall"
    FINISH_DELETION = "FinishDeletion"
    """No release is left: the operator must handle the volumes and remove the finalizer."""


ONLY_TOLD = (Action.NOTHING, Action.WAIT, Action.REFUSE, Action.STAND_BACK)
"""These change nothing but the status."""


@dataclass(frozen=True)
class Situation:
    """It is what a look finds, as far as the next action follows from it."""

    state: ReleaseState
    deleting: bool = False
    suspended: bool = False
    stands_back: bool = False
    """The latest revision is somebody else's and is left to them."""
    is_invalid: bool = False
    """Nothing can be made of the spec."""
    drift: Report | None = None
    """None where nothing was compared, or the release's record cannot be read."""
    step: Step = Step.NONE
    """The step about a rollout that stands still; none of what is deleted, suspended or invalid."""
    lacks_workload: bool = False
    """The latest revision is deployed, but a workload of it is gone."""


_WHEN_WANTED = {
    ReleaseState.ABSENT: Action.INSTALL,
    ReleaseState.FOREIGN: Action.REFUSE,
    ReleaseState.TAKEN_OVER: Action.UPGRADE,
    ReleaseState.BUSY: Action.WAIT,
    ReleaseState.LOCKED: Action.UNLOCK,
    ReleaseState.UNINSTALLING: Action.UNINSTALL,
    ReleaseState.OUT_OF_SYNC: Action.UPGRADE,
    ReleaseState.FAILED: Action.UPGRADE,
    ReleaseState.DRIFTED: Action.CORRECT,
    ReleaseState.IN_SYNC: Action.NOTHING,
}

_WHEN_DELETING = {
    ReleaseState.ABSENT: Action.FINISH_DELETION,
    # Not ours, so neither its release nor its volumes are.
    ReleaseState.FOREIGN: Action.FINISH_DELETION,
    ReleaseState.BUSY: Action.WAIT,
}


def decide(state: ReleaseState, *, deleting: bool, suspended: bool, stands_back: bool = False) -> Action:
    """Return the action for `state`. Deletion goes before suspension, because the user asked for it last.

    stands_back: the latest revision is somebody else's and is left to them.
    """
    if deleting:
        if stands_back:
            return Action.FINISH_DELETION
        # Helm uninstalls a locked release too, so there is no detour by Unlock.
        return _WHEN_DELETING.get(state, Action.UNINSTALL)
    if suspended:
        return Action.NOTHING
    if stands_back and state is not ReleaseState.BUSY:
        return Action.STAND_BACK
    return _WHEN_WANTED[state]


def next_action(situation: Situation) -> Action:
    """Return the action that follows from `situation`, before anybody asks what it would break."""
    match situation.step:
        case Step.RECORD:
            return Action.RECORD
        case Step.ROLL_BACK:
            return Action.ROLL_BACK
        case Step.HOLD:
            return _while_rolled_back(situation)
    if situation.is_invalid and not situation.deleting:
        return Action.NOTHING
    action = decide(
        situation.state,
        deleting=situation.deleting,
        suspended=situation.suspended,
        stands_back=situation.stands_back,
    )
    if action is not Action.CORRECT:
        return action
    if situation.drift is None:
        # Its record cannot be read, so Helm has to make it anew.
        return Action.UPGRADE
    # What is missing may have been put back too often.
    return Action.CORRECT if situation.drift.corrections else Action.NOTHING


def while_held_back(situation: Situation) -> Action:
    """Return what to do while the spec may not be applied: what is deployed is kept whole."""
    return Action.RESTORE if situation.lacks_workload else Action.NOTHING


def _while_rolled_back(situation: Situation) -> Action:
    """Return what keeps the revision whole that was brought back: it shall run, and not the spec."""
    if situation.drift is not None:
        return Action.CORRECT if situation.drift.corrections else Action.NOTHING
    is_brought_back = situation.state is ReleaseState.OUT_OF_SYNC
    return while_held_back(situation) if is_brought_back else Action.NOTHING
