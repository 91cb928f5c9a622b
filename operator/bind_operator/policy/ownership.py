"""A release is the operator's or that of somebody who upgraded it; this tells which, and what is said."""

from collections.abc import Sequence
from datetime import UTC, datetime

from bind_operator.policy.facts import Key, Revision


def is_taken_over(revisions: Sequence[Revision]) -> bool:
    """Return whether somebody else made the latest of `revisions`, newest first, and the operator others."""
    was_ours = any(revision.managed or revision.is_labelled for revision in revisions)
    return was_ours and not revisions[0].managed


def foreign_revision_message(key: Key, revisions: Sequence[Revision], *, times: int | None, helm: str) -> str:
    """Return why the operator stands back from the release of `key`, and how that ends.

    times: so often it was taken back before; None where spec.takeoverPolicy says to leave it. helm: how a
    person runs Helm.
    """
    latest = revisions[0]
    ours = next((revision for revision in revisions if revision.managed), None)
    why = "spec.takeoverPolicy is StandBack" if times is None else f"it was taken back {times} times already"
    message = (
        f"revision {latest.number} of Helm release {key.name} ({latest.status}) was made by somebody else, "
        f"and {why}: nothing is touched"
    )
    if times is not None:
        return f"{message} for a while. Find out who upgrades it, or set spec.takeoverPolicy: StandBack"
    back = f", or go back with: {helm} rollback {key.name} {ours.number} -n {key.namespace}" if ours else ""
    return f"{message}. Set spec.takeoverPolicy: TakeBack{back}"


def taken_back_message(latest: Revision) -> str:
    """Return what was done about the foreign revision `latest`."""
    return (
        f"revision {latest.number} was made by somebody else; the release is upgraded back to what the spec "
        "says. To leave it to them, set spec.takeoverPolicy: StandBack"
    )


def release_left_message(key: Key, latest: Revision, helm: str) -> str:
    """Return what a deletion left, because it is somebody else's. helm: how a person runs Helm."""
    return (
        f"release {key.name} is left, because revision {latest.number} was made by somebody else and "
        f"spec.takeoverPolicy is StandBack. Remove it with: {helm} uninstall {key.name} -n {key.namespace}"
    )


def lock_message(latest: Revision, foreign_unlock_after_s: float) -> str:
    """Return what is said while somebody else's revision `latest` is pending, "" of one of the operator."""
    if latest.managed:
        return ""
    limit = datetime.fromtimestamp(latest.created_at + foreign_unlock_after_s, UTC).strftime("%H:%M:%S")
    return (
        f"revision {latest.number} is {latest.status}: somebody else's Helm is at work; it is waited for "
        f"until {limit} UTC, and then taken for one that died"
    )
