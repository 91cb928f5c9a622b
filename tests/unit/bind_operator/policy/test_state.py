"""The state of a release, by named situations."""

from dataclasses import replace

import pytest

from bind_operator.policy.facts import Revision, Workload
from bind_operator.policy.state import ReleaseState, observe_state

DEPLOYED = Revision(1, "deployed", managed=True, digest="want", chart="c-1", created_at=1000.0)
FOREIGN = replace(DEPLOYED, managed=False)
INHERITED = replace(DEPLOYED, number=2, managed=False, is_labelled=True)
WEAVIATE = Workload("demo-weaviate", "demo", wanted=1, ready=1, is_current=True)
INFERENCE = Workload("demo-inference", "demo", wanted=1, ready=1, is_current=True)
BOTH = (WEAVIATE, INFERENCE)
NEITHER = (None, None)
STRANGE = (replace(WEAVIATE, release="other"), None)


def pending(age_s: float, status: str = "pending-upgrade") -> tuple[Revision, ...]:
    return replace(DEPLOYED, number=2, status=status, created_at=1100.0 - age_s), DEPLOYED


CASES = {
    "nothing is there": ((), NEITHER, ReleaseState.ABSENT),
    "our workloads without a release are taken up again": ((), BOTH, ReleaseState.ABSENT),
    "a workload of another release has the name": ((), STRANGE, ReleaseState.FOREIGN),
    "a workload without any release has the name": (
        (),
        (replace(WEAVIATE, release=None), None),
        ReleaseState.FOREIGN,
    ),
    "a person's release": ((FOREIGN,), BOTH, ReleaseState.FOREIGN),
    "a person's pending release": ((replace(FOREIGN, status="pending-install"),), BOTH, ReleaseState.FOREIGN),
    "a person upgraded our release": ((INHERITED, DEPLOYED), BOTH, ReleaseState.TAKEN_OVER),
    "a person did so five times": ((INHERITED,), BOTH, ReleaseState.TAKEN_OVER),
    "a person took the labels off": ((replace(FOREIGN, number=2), DEPLOYED), BOTH, ReleaseState.TAKEN_OVER),
    "a person's upgrade of ours failed": (
        (replace(INHERITED, status="failed"), DEPLOYED),
        BOTH,
        ReleaseState.TAKEN_OVER,
    ),
    "a person's helm is at work on ours": (
        (replace(INHERITED, status="pending-upgrade", created_at=501.0), DEPLOYED),
        BOTH,
        ReleaseState.BUSY,
    ),
    "a person's helm died at work on ours": (
        (replace(INHERITED, status="pending-upgrade", created_at=500.0), DEPLOYED),
        BOTH,
        ReleaseState.LOCKED,
    ),
    "helm is at work": (pending(5), BOTH, ReleaseState.BUSY),
    "helm was interrupted": (pending(15), BOTH, ReleaseState.LOCKED),
    "an install was interrupted": (pending(60, "pending-install")[:1], NEITHER, ReleaseState.LOCKED),
    "a rollback was interrupted": (pending(60, "pending-rollback"), BOTH, ReleaseState.LOCKED),
    "an uninstall was interrupted": (
        (replace(DEPLOYED, status="uninstalling"),),
        BOTH,
        ReleaseState.UNINSTALLING,
    ),
    "a person uninstalled and kept the history": (
        (replace(DEPLOYED, status="uninstalled"),),
        NEITHER,
        ReleaseState.UNINSTALLING,
    ),
    "other values are deployed": ((replace(DEPLOYED, digest="old"),), BOTH, ReleaseState.OUT_OF_SYNC),
    "other values failed": (
        (replace(DEPLOYED, digest="old", status="failed"),),
        BOTH,
        ReleaseState.OUT_OF_SYNC,
    ),
    "the right values failed": (
        (replace(DEPLOYED, number=2, status="failed"), DEPLOYED),
        BOTH,
        ReleaseState.FAILED,
    ),
    "the right values were superseded and the next revision is gone": (
        (replace(DEPLOYED, status="superseded"),),
        BOTH,
        ReleaseState.FAILED,
    ),
    "a workload was deleted by hand": ((DEPLOYED,), (WEAVIATE, None), ReleaseState.DRIFTED),
    "all is well": ((DEPLOYED,), BOTH, ReleaseState.IN_SYNC),
}


@pytest.mark.parametrize(("revisions", "workloads", "expected"), CASES.values(), ids=CASES)
def test_state(
    revisions: tuple[Revision, ...],
    workloads: tuple[Workload | None, Workload | None],
    expected: ReleaseState,
) -> None:
    limits = {"unlock_after_s": 15.0, "foreign_unlock_after_s": 600.0}
    found = observe_state("demo", revisions, workloads, "want", now=1100.0, **limits)
    assert found is expected
