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
    INSTALL = "Install"
    UPGRADE = "Upgrade"
    ROLL_BACK = "RollBack"
    """A rollout stands still, and what ran before is brought back; `remediation` decides it."""
    UNLOCK = "Unlock"
    UNINSTALL = "Uninstall"
    FINISH_DELETION = "FinishDeletion"
    """No release is left: the operator must handle the volumes and remove the finalizer."""


_WHEN_WANTED = {
    ReleaseState.ABSENT: Action.INSTALL,
    ReleaseState.FOREIGN: Action.REFUSE,
    ReleaseState.BUSY: Action.WAIT,
    ReleaseState.LOCKED: Action.UNLOCK,
    ReleaseState.UNINSTALLING: Action.UNINSTALL,
    ReleaseState.OUT_OF_SYNC: Action.UPGRADE,
    ReleaseState.FAILED: Action.UPGRADE,
    ReleaseState.DRIFTED: Action.UPGRADE,
    ReleaseState.IN_SYNC: Action.NOTHING,
}

_WHEN_DELETING = {
    ReleaseState.ABSENT: Action.FINISH_DELETION,
    # Not ours, so neither its release nor its volumes are.
    ReleaseState.FOREIGN: Action.FINISH_DELETION,
    ReleaseState.BUSY: Action.WAIT,
}


def decide(state: ReleaseState, *, deleting: bool, suspended: bool) -> Action:
    """Return the action for `state`. Deletion goes before suspension, because the user asked for it last."""
    if deleting:
        # Helm uninstalls a locked release too, so there is no detour by Unlock.
        return _WHEN_DELETING.get(state, Action.UNINSTALL)
    if suspended:
        return Action.NOTHING
    return _WHEN_WANTED[state]
