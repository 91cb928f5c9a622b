"""A release that is well tells what its data is served with, and that is remembered."""

from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from typing import Any

from bind_operator.api.spec import BindVectorizer
from bind_operator.api.status import ConditionType
from bind_operator.cluster.kube import Kube
from bind_operator.policy.authentication import Access
from bind_operator.policy.conditions import Facts
from bind_operator.policy.facts import Key, Problem
from bind_operator.policy.guards import Change, accepted, describe
from bind_operator.policy.memory import fresh_space, remember_space, remember_weaviate
from bind_operator.policy.objects import Object
from bind_operator.policy.state import ReleaseState
from bind_operator.policy.vector_space import wanted_space
from bind_operator.reasons import Reason
from bind_operator.reconcile.collections import Collections


@dataclass
class Memories:
    """It keeps the fingerprint that the live check found, and asks what another one could break."""

    kube: Kube
    collections: Collections
    interval_s: float
    """So often at most it is asked whether there are vectors to lose."""
    _asked: dict[Key, tuple[Hashable, float]] = field(default_factory=dict)

    async def update(
        self,
        key: Key,
        raw: Object,
        resource: BindVectorizer,
        facts: Facts,
        containers: Hashable,
        *,
        now: float,
        today: str,
    ) -> Facts:
        """Return `facts` with what is to be remembered, and with what is wrong about the vector space.

        now: any clock's seconds. today: RFC 3339, UTC.
        """
        memory = facts.memory
        if facts.state is not ReleaseState.IN_SYNC or facts.deleting:
            return replace(facts, space_problem=_kept_problem(raw))
        if resource.spec.weaviate.external is not None:
            memory = replace(memory, weaviate=None)
        elif facts.weaviate is not None and facts.weaviate.is_rolled_out:
            weaviate = remember_weaviate(memory.weaviate, resource.spec.weaviate, today)
            memory = replace(memory, weaviate=weaviate)
        if not _is_verified(facts):
            return replace(facts, memory=memory, space_problem=_kept_problem(raw))
        fingerprint = facts.verification.fingerprint if facts.verification else None
        space = wanted_space(resource.spec.inference)
        remembered, change = remember_space(memory.vector_space, space, fingerprint, today)
        found = (containers, fingerprint)
        is_ours = resource.spec.weaviate.external is None
        if change is not None and await self._is_settled(
            key, raw, change, found, now, facts.access, is_ours=is_ours
        ):
            remembered, change = fresh_space(space, fingerprint, today), None
        problem = Problem(change.reason, describe(key, [change])) if change else None
        if problem is not None and _kept_problem(raw) is None:
            await self.kube.record_event(raw, problem.reason, problem.message, warning=True)
        return replace(facts, memory=replace(memory, vector_space=remembered), space_problem=problem)

    def forget(self, key: Key) -> None:
        """Forget a resource that is gone."""
        self._asked.pop(key, None)

    async def _is_settled(
        self,
        key: Key,
        raw: Object,
        change: Change,
        found: Hashable,
        now: float,
        access: Access | None,
        *,
        is_ours: bool,
    ) -> bool:
        """Return whether the user accepted the change, or there is nothing that it could break.

        found: what the change was found at. access: who may ask Weaviate. is_ours: whether it is of this
        release and may be asked.
        """
        if accepted(raw["metadata"], [change]):
            await self.kube.record_event(raw, Reason.CHANGE_ACCEPTED, change.breaks, warning=False)
            return True
        if not is_ours:
            return False
        before, asked_at = self._asked.get(key, (None, 0.0))
        if before == found and now - asked_at < self.interval_s:
            return False
        self._asked[key] = (found, now)
        return await self.collections.are_empty(key, access)


def _is_verified(facts: Facts) -> bool:
    """Return whether the live check held, or could not look into a Weaviate that wants credentials."""
    check = facts.verification
    return check is not None and (check.holds is True or check.reason is Reason.AUTHENTICATION_REQUIRED)


def _kept_problem(raw: Object) -> Problem | None:
    """Return what was wrong about the vector space at the last look, until there is a newer answer."""
    conditions: list[dict[str, Any]] = raw.get("status", {}).get("conditions", [])
    for one in conditions:
        if one["type"] == ConditionType.VECTOR_SPACE_KEPT and one["status"] == "False":
            return Problem(Reason.VECTOR_SPACE_CHANGED, one["message"])
    return None
