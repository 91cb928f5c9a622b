"""The state of a release decides the one action that brings it nearer to the spec."""

from enum import StrEnum

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
    ROLL_BACK = "RollBack"
    """A rollout stands still, and what ran before is brought back; `remediation` decides it."""
    UNLOCK = "Unlock"
    UNINSTALL = "Uninstall"
    FINISH_DELETION = "FinishDeletion"
    """No release is left: the operator must handle the volumes and remove the finalizer."""


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
