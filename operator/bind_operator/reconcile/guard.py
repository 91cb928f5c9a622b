"""The guard finds what a new spec would break, and asks Weaviate whether there is anything to lose."""

from dataclasses import dataclass

from bind_operator.api.spec import BindVectorizer
from bind_operator.cluster.kube import Observed
from bind_operator.policy.authentication import Access
from bind_operator.policy.claims import claim_template, refused_storage, unfit_claims, wanted_claims
from bind_operator.policy.facts import Key
from bind_operator.policy.guards import Change, Running, accepted, breaking_changes
from bind_operator.policy.memory import Memory, running_of
from bind_operator.policy.objects import Object
from bind_operator.policy.state import ReleaseState
from bind_operator.policy.vector_space import wanted_space
from bind_operator.reconcile.claims import Claims
from bind_operator.reconcile.collections import Collections


@dataclass(frozen=True)
class Judged:
    """It holds what a spec would break: what stands open, and what its user has accepted."""

    open: tuple[Change, ...] = ()
    accepted: tuple[Change, ...] = ()


@dataclass
class Guard:
    """It stands before Helm where another spec is to be applied."""

    claims: Claims
    collections: Collections

    async def judge(
        self,
        key: Key,
        raw: Object,
        resource: BindVectorizer,
        observed: Observed,
        state: ReleaseState,
        memory: Memory,
        access: Access | None,
    ) -> Judged:
        """Return what bringing the release from `state` to the spec would break.

        access: who may ask Weaviate.
        """
        if state not in (ReleaseState.ABSENT, ReleaseState.OUT_OF_SYNC, ReleaseState.TAKEN_OVER):
            # The release has this spec already: it is repaired, and not changed.
            return Judged()
        is_absent = state is ReleaseState.ABSENT
        claims = await self.claims.find(key, resource, observed, installed=not is_absent)
        wanted = wanted_claims(key.name, resource.spec)
        if is_absent:
            storage = unfit_claims(wanted, claims, raw["metadata"]["uid"])
        else:
            template = claim_template(observed.stateful_set) if observed.stateful_set else None
            storage = refused_storage(wanted, claims, template)
        running = running_of(
            memory, observed.weaviate, observed.stateful_set, observed.inference, observed.deployment
        )
        may_hold = await self._may_hold_vectors(key, resource, running, access, is_absent=is_absent)
        breaking = breaking_changes(running, resource.spec, may_hold_vectors=may_hold)
        agreed = accepted(raw["metadata"], breaking)
        return Judged((*storage, *(change for change in breaking if change not in agreed)), agreed)

    async def _may_hold_vectors(
        self, key: Key, resource: BindVectorizer, running: Running, access: Access | None, *, is_absent: bool
    ) -> bool:
        """Return False only where Weaviate says that no collection holds vectors of the module."""
        if running.space in (None, wanted_space(resource.spec.inference)) or is_absent:
            return True
        if resource.spec.weaviate.external is not None:
            # What has the name of a Weaviate of ours is not the one that is meant.
            return True
        return not await self.collections.are_empty(key, access)
