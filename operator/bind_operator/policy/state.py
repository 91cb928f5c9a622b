"""Facts become the one word for a release."""

from collections.abc import Sequence
from enum import StrEnum

from bind_operator.policy.facts import Revision, Workload

UNFINISHED_UNINSTALL = ("uninstalling", "uninstalled")


class ReleaseState(StrEnum):
    """It says how the release stands against the spec."""

    ABSENT = "Absent"
    """There is no release and nothing of its name."""
    FOREIGN = "Foreign"
    """A release or workload of that name was not made by this operator."""
    BUSY = "Busy"
    """A Helm operation is at work, or was until a moment ago."""
    LOCKED = "Locked"
    """A Helm operation was interrupted: Helm refuses all others until the release is unlocked."""
    UNINSTALLING = "Uninstalling"
    """An uninstall was interrupted."""
    OUT_OF_SYNC = "OutOfSync"
    """The deployed revision has other values or another chart."""
    FAILED = "Failed"
    """The latest revision has the right values but failed."""
    DRIFTED = "Drifted"
    """The right revision is deployed but a workload of it is gone."""
    IN_SYNC = "InSync"
    """The right revision is deployed."""


def observe_state(
    name: str,
    revisions: Sequence[Revision],
    workloads: Sequence[Workload | None],
    wanted_digest: str,
    *,
    now: float,
    unlock_after_s: float,
) -> ReleaseState:
    """Return the state of release `name`.

    revisions: newest first. workloads: those that the release must have, None for one that is not there.
    now: seconds of the epoch. A pending revision younger than `unlock_after_s` is Busy, an older one Locked.
    """
    if not revisions:
        return ReleaseState.FOREIGN if any(workloads) and not _owns(name, workloads) else ReleaseState.ABSENT
    latest = revisions[0]
    if not latest.managed:
        return ReleaseState.FOREIGN
    if latest.status.startswith("pending-"):
        is_stale = now - latest.modified_at >= unlock_after_s
        return ReleaseState.LOCKED if is_stale else ReleaseState.BUSY
    if latest.status in UNFINISHED_UNINSTALL:
        return ReleaseState.UNINSTALLING
    if latest.digest != wanted_digest:
        return ReleaseState.OUT_OF_SYNC
    if latest.status != "deployed":
        return ReleaseState.FAILED
    return ReleaseState.IN_SYNC if all(workloads) else ReleaseState.DRIFTED


def _owns(name: str, workloads: Sequence[Workload | None]) -> bool:
    """Return whether the workloads there are left over from a release of this name: Helm adopts them."""
    return all(workload is None or workload.release == name for workload in workloads)
