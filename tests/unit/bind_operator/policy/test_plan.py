"""The action for each state."""

import pytest

from bind_operator.policy.plan import Action, decide
from bind_operator.policy.state import ReleaseState

WANTED = {
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
DELETING = {
    ReleaseState.ABSENT: Action.FINISH_DELETION,
    ReleaseState.FOREIGN: Action.FINISH_DELETION,
    ReleaseState.BUSY: Action.WAIT,
    ReleaseState.LOCKED: Action.UNINSTALL,
    ReleaseState.UNINSTALLING: Action.UNINSTALL,
    ReleaseState.OUT_OF_SYNC: Action.UNINSTALL,
    ReleaseState.FAILED: Action.UNINSTALL,
    ReleaseState.DRIFTED: Action.UNINSTALL,
    ReleaseState.IN_SYNC: Action.UNINSTALL,
}


@pytest.mark.parametrize("state", ReleaseState)
def test_wanted(state: ReleaseState) -> None:
    assert decide(state, deleting=False, suspended=False) is WANTED[state]


@pytest.mark.parametrize("state", ReleaseState)
def test_deleting_goes_before_suspended(state: ReleaseState) -> None:
    assert decide(state, deleting=True, suspended=False) is DELETING[state]
    assert decide(state, deleting=True, suspended=True) is DELETING[state]


@pytest.mark.parametrize("state", ReleaseState)
def test_suspended_does_nothing(state: ReleaseState) -> None:
    assert decide(state, deleting=False, suspended=True) is Action.NOTHING
