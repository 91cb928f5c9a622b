"""Ownership knows the revisions that somebody else made, and answers by the resource's policy."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bind_operator.api.spec import TakeoverPolicy
from bind_operator.cluster.kube import Kube
from bind_operator.cluster.records import Records
from bind_operator.errors import ForeignRevision
from bind_operator.policy.brake import Brake
from bind_operator.policy.facts import Key, Revision
from bind_operator.policy.objects import Object, is_deleting
from bind_operator.policy.ownership import (
    foreign_revision_message,
    is_taken_over,
    release_left_message,
    taken_back_message,
)
from bind_operator.reasons import Reason

MAX_TAKEN_BACK = 3
TAKEN_BACK_WINDOW_S = 3600.0


@dataclass
class Ownership:
    """It answers for one look at a time."""

    kube: Kube
    records: Records
    brake: Brake

    async def recognise(self, key: Key, revisions: tuple[Revision, ...]) -> tuple[Revision, ...]:
        """Return `revisions`, newest first, where a rollback to one of the operator's is the operator's too.

        Its chart and values are, and Helm gives it the labels of the revision that it went back to. While it
        is pending it is that of who runs it.
        """
        if not is_taken_over(revisions) or not revisions[0].is_labelled:
            return revisions
        latest, *others = revisions
        record = await self.records.read(key, latest)
        is_pending = latest.status.startswith("pending-")
        is_ours = record and (record.is_marked or (record.is_rollback and not is_pending))
        return (replace(latest, managed=True), *others) if is_ours else revisions

    def stands_back(self, key: Key, raw: Object, revisions: Sequence[Revision], now: float) -> bool:
        """Return whether the release of `key` is left to who upgraded it. now: monotonic seconds."""
        if not is_taken_over(revisions):
            return False
        # What was taken back too often is still uninstalled with its resource.
        return _leaves(raw) or (not is_deleting(raw) and self.brake.holds(key, "release", now))

    def refusal(self, key: Key, raw: Object, revisions: Sequence[Revision]) -> ForeignRevision:
        """Return what is said where the operator stands back."""
        times = None if _leaves(raw) else self.brake.max_times
        return ForeignRevision(
            foreign_revision_message(key, revisions, times=times, helm=self.records.driver.command)
        )

    async def take_back(self, key: Key, raw: Object, latest: Revision, now: float) -> None:
        """Tell that the foreign revision `latest` is upgraded back, and count it."""
        self.brake.record(key, "release", now)
        message = taken_back_message(latest)
        await self.kube.record_event(raw, Reason.RELEASE_TAKEN_BACK, message, warning=True)

    async def leave(self, key: Key, raw: Object, latest: Revision) -> None:
        """Tell that the release outlives its resource, because `latest` is somebody else's."""
        message = release_left_message(key, latest, self.records.driver.command)
        await self.kube.record_event(raw, Reason.RELEASE_LEFT, message, warning=False)

    def forget(self, key: Key) -> None:
        """Forget a resource that is gone."""
        self.brake.forget(key)


def build_ownership(kube: Kube, records: Records) -> Ownership:
    """Return one that takes a release back three times in an hour at most."""
    return Ownership(kube, records, Brake(MAX_TAKEN_BACK, TAKEN_BACK_WINDOW_S))


def _leaves(raw: Object) -> bool:
    return bool(raw.get("spec", {}).get("takeoverPolicy") == TakeoverPolicy.STAND_BACK)
