"""Facts become the one word for a release."""

from collections.abc import Sequence
from enum import StrEnum

from bind_operator.policy.facts import Revision, Workload

UNINSTALLED = "uninstalled"
"""Helm is through with a release, and its record is kept until nothing of it is left."""
UNFINISHED_UNINSTALL = ("uninstalling", UNINSTALLED)


class ReleaseState(StrEnum):
    """It says how the release stands against the spec."""

    ABSENT = "Absent"
    """There is no release and nothing of its name."""
    FOREIGN = "Foreign"
    """A release or workload of that name was not made by this operator."""
    TAKEN_OVER = "TakenOver"
    """Somebody else made the latest revision of a release that this operator made."""
    BUSY = "Busy"
    """A Helm operation is at work, or was until a moment ago."""
    LOCKED = "Locked"
    """A Helm operation was interrupted: Helm refuses all others until the release is unlocked."""
    UNINSTALLING = "Uninstalling"
    """An uninstall is not at its end."""
    OUT_OF_SYNC = "OutOfSync"
    """The deployed revision has other values or another chart."""
    FAILED = "Failed"
    """The latest revision has the right values but failed."""
    DRIFTED = "Drifted"
    """The right revision is deployed but objects of it are gone, or others than it made them."""
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
    foreign_unlock_after_s: float,
) -> ReleaseState:
    """Return the state of release `name`.

    revisions: newest first. workloads: those that the release must have, None for one that is not there.
    now: seconds of the epoch, by the API server's clock. A pending revision younger than `unlock_after_s` is
    Busy, an older one Locked; for one that somebody else made it is `foreign_unlock_after_s`, because its
    Helm may be alive.
    """
    if not revisions:
        return ReleaseState.FOREIGN if any(workloads) and not _owns(name, workloads) else ReleaseState.ABSENT
    latest = revisions[0]
    if not any(revision.managed or revision.is_labelled for revision in revisions):
        return ReleaseState.FOREIGN
    if latest.status.startswith("pending-"):
        limit_s = unlock_after_s if latest.managed else foreign_unlock_after_s
        return ReleaseState.LOCKED if now - latest.created_at >= limit_s else ReleaseState.BUSY
    if latest.status in UNFINISHED_UNINSTALL:
        return ReleaseState.UNINSTALLING
    if not latest.managed:
        return ReleaseState.TAKEN_OVER
    if latest.digest != wanted_digest:
        return ReleaseState.OUT_OF_SYNC
    if latest.status != "deployed":
        return ReleaseState.FAILED
    return ReleaseState.IN_SYNC if all(workloads) else ReleaseState.DRIFTED


def _owns(name: str, workloads: Sequence[Workload | None]) -> bool:
    """Return whether the workloads there are left over from a release of this name: Helm adopts them."""
    return all(workload is None or workload.release == name for workload in workloads)
