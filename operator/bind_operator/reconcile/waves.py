"""The waves are kept here: what each look found of a release, and whose turn it is."""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bind_operator.api.identity import GROUP
from bind_operator.api.status import ConditionType
from bind_operator.cluster.kube import Kube
from bind_operator.errors import OperatorError
from bind_operator.policy.facts import Key, Revision
from bind_operator.policy.state import ReleaseState
from bind_operator.policy.waves import Member, Standing, Turn, most_of, turn_of
from bind_operator.reasons import Reason

logger = logging.getLogger(__name__)

CANARY_LABEL = f"{GROUP}/canary"
LOOK_AGAIN_S = 2.0


@dataclass
class Waves:
    """It holds a member for each resource that was looked at; after a restart looks fill it anew."""

    kube: Kube
    namespaces: Callable[[], Iterable[str]]
    """It returns where this operator acts; an empty name stands for everywhere."""
    most_at_once: int
    patience_s: float
    wake: Callable[[Key], None] = lambda _: None
    """It has a resource looked at soon."""
    _members: dict[Key, Member] = field(default_factory=dict)

    def note(
        self,
        key: Key,
        raw: Mapping[str, Any],
        state: ReleaseState,
        latest: Revision | None,
        wanted_digest: str,
        *,
        is_ready: bool,
        is_out: bool,
    ) -> None:
        """Keep what a look found.

        latest: the newest revision of the release. is_out: the operator does not upgrade it, because it is
        suspended, being deleted, or has no valid spec.
        """
        is_current = state in (ReleaseState.IN_SYNC, ReleaseState.DRIFTED, ReleaseState.FAILED)
        if is_out or (is_current and is_ready):
            standing = Standing.SETTLED
        elif is_current:
            standing = Standing.ROLLING
        else:
            is_waiting = self.is_wave(key, raw, state, wanted_digest)
            standing = Standing.WAITING if is_waiting else Standing.SETTLED
        before = self._members.get(key)
        self._members[key] = Member(standing, _is_canary(raw), latest.created_at if latest else 0.0)
        if before is not None and before.standing is not standing and standing is Standing.SETTLED:
            self._wake_next()

    def is_wave(self, key: Key, raw: Mapping[str, Any], state: ReleaseState, wanted_digest: str) -> bool:
        """Return whether the release of `key` is out of sync by what the operator brings, or waits."""
        member = self._members.get(key)
        waits = member is not None and member.standing is Standing.WAITING
        return is_wave(raw, state, wanted_digest) or (
            waits and state is ReleaseState.OUT_OF_SYNC and _is_judged(raw)
        )

    async def turn(self, key: Key, raw: Mapping[str, Any]) -> Turn:
        """Return whether `key` may be upgraded now; if so, it counts as one that is."""
        known = {other for namespace in self.namespaces() for other in await self._keys(namespace)}
        self._members = {other: one for other, one in self._members.items() if other in known}
        self._members.setdefault(key, Member(Standing.WAITING, _is_canary(raw)))
        if known - set(self._members):
            # Right after a start: one of those may be in the middle of its upgrade.
            return Turn(False, "waits until the operator has looked at all resources", LOOK_AGAIN_S)
        now = self.kube.clock.now()
        turn = turn_of(
            key, self._members, most_at_once=self.most_at_once, patience_s=self.patience_s, now=now
        )
        if turn.has_come:
            self._members[key] = replace(self._members[key], standing=Standing.ROLLING, upgraded_at=now)
        return turn

    async def _keys(self, namespace: str) -> list[Key]:
        try:
            return await self.kube.list_keys(namespace)
        except OperatorError as error:
            # One namespace that is forbidden or gone does not hold up the others.
            logger.warning("wave without a namespace", extra={"namespace": namespace, "error": str(error)})
            return []

    def forget(self, key: Key) -> None:
        """Forget a resource that is gone."""
        if self._members.pop(key, None) is not None:
            self._wake_next()

    def _wake_next(self) -> None:
        waiting = sorted(key for key, one in self._members.items() if one.standing is Standing.WAITING)
        for key in waiting[: most_of(self.most_at_once, len(self._members))]:
            self.wake(key)


def is_wave(raw: Mapping[str, Any], state: ReleaseState, wanted_digest: str) -> bool:
    """Return whether a release is out of sync by what the operator brings.

    It is not by its own spec, which was in sync or waits already; one that was held back or failed was not.
    A profile that comes back is the operator's, too.
    Nor by somebody else's hand, since the operator would have had the same release before.
    """
    status = raw.get("status", {})
    if state is not ReleaseState.OUT_OF_SYNC or not _is_judged(raw):
        return False
    conditions = {one["type"]: one for one in status.get("conditions", [])}
    was_in_sync = conditions.get(ConditionType.RELEASED, {}).get("status") == "True"
    waits = conditions.get(ConditionType.READY, {}).get("reason") == Reason.WAITING_FOR_WAVE
    released = conditions.get(ConditionType.RELEASED, {}).get("reason")
    lacked_profile = released in (Reason.PROFILE_MISSING, Reason.PROFILE_INVALID)
    was_there = status.get("release", {}).get("digest") == wanted_digest
    return (was_in_sync or waits or lacked_profile) and not was_there


def _is_judged(raw: Mapping[str, Any]) -> bool:
    """Return whether the status is of this very spec."""
    generation: object = raw["metadata"].get("generation")
    return bool(raw.get("status", {}).get("observedGeneration") == generation)


def _is_canary(raw: Mapping[str, Any]) -> bool:
    labels = raw["metadata"].get("labels") or {}
    return bool(labels.get(CANARY_LABEL) == "true")
