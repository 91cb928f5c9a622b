"""The observer reads what belongs to a resource, and brings it beside what the spec asks for."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from bind_operator.api.autoscaling import Autoscaling
from bind_operator.api.spec import BindVectorizer
from bind_operator.cluster.autoscaling import Autoscalers
from bind_operator.cluster.kube import Kube, Observed
from bind_operator.cluster.profiles import Profiles
from bind_operator.cluster.value_sources import ValueSources
from bind_operator.errors import KedaMissing, OperatorError
from bind_operator.policy.authentication import Access, access_of, was_open
from bind_operator.policy.autoscaling import KEDA_REMEDY, Scaling, read_scaling
from bind_operator.policy.facts import Key
from bind_operator.policy.memory import recall
from bind_operator.policy.names import data_claim_name
from bind_operator.policy.node_wait import with_patience
from bind_operator.policy.objects import Object, is_deleting
from bind_operator.policy.profiles import AppliedProfile, resolve
from bind_operator.policy.remediation import remedy_for, standstill_of
from bind_operator.policy.shape import MANAGED, shape_of
from bind_operator.policy.state import ReleaseState, observe_state
from bind_operator.reasons import Reason
from bind_operator.reconcile.drift import Drift
from bind_operator.reconcile.look import Look, final, renders
from bind_operator.reconcile.ownership import Ownership
from bind_operator.release.chart import Chart
from bind_operator.release.values import render_values
from bind_operator.settings import Settings


@dataclass
class Observer:
    """It looks, and changes nothing."""

    settings: Settings
    chart: Chart
    kube: Kube
    ownership: Ownership
    drift: Drift
    profiles: Profiles
    autoscalers: Autoscalers
    sources: ValueSources
    made_secret: Callable[[Key, Object], str]
    """It tells the Secret with Weaviate's keys that the operator made from one before it."""

    async def observe(self, key: Key, raw: Object) -> Look:
        """Return what is wanted and what is there."""
        observed = await self.kube.observe(key, migrates=not renders(raw))
        revisions = await self.ownership.recognise(key, observed.revisions)
        observed = replace(observed, revisions=revisions)
        resource, values, failure, profile = None, None, None, None
        access: Access | None = None
        made = self.made_secret(key, raw)
        ignored: tuple[str, ...] = ()
        self.profiles.note(key, raw.get("spec", {}).get("profile"))
        profile_version = self.profiles.version_for(key)
        try:
            manifest = {name: value for name, value in raw.items() if name != "status"}
            resource, ignored, profile = resolve(manifest, self.profiles.book, is_stored=True)
            access = self._access(key, raw, resource, observed, made)
            peers = self.settings.operator_peers
            layers = await self.sources.read(key, resource.spec.values_from)
            values = render_values(resource, self.settings.images, self.chart, peers, layers, access)
        except OperatorError as error:
            if not error.counted:
                raise
            failure = final(error)
        scaling = None
        if resource is not None and (spec := resource.spec.inference.autoscaling) is not None:
            is_keda = spec.target.queue_depth is not None
            is_missing = is_keda and not is_deleting(raw) and not await self.autoscalers.serves_keda()
            if is_missing and failure is None:
                failure, values = final(KedaMissing(KEDA_REMEDY)), None
            observed, scaling = await self._scaled(key, raw, spec, observed, is_missing=is_missing)
        state = observe_state(
            key.name,
            observed.revisions,
            observed.workloads(shape_of(resource.spec) if resource else MANAGED),
            values.digest if values else "",
            now=self.kube.clock.now(),
            unlock_after_s=self.settings.unlock_after_s,
            foreign_unlock_after_s=self.foreign_unlock_after_s(raw),
        )
        node_wait_s = self._node_wait_s(profile)
        problem = with_patience(observed.problem, now=self.kube.clock.now(), wait_s=node_wait_s)
        observed = replace(observed, problem=problem)
        is_external = resource is not None and resource.spec.weaviate.external is not None
        # What is on the claims of a Weaviate that is gone says nothing of one that somebody else runs.
        first_claim = None if is_external else _first_claim(key, observed, state)
        memory = recall(raw.get("status", {}), first_claim)
        stands_back = self.ownership.stands_back(key, raw, revisions, time.monotonic())
        standstill = standstill_of(
            observed.weaviate,
            observed.inference,
            observed.gate,
            observed.pods,
            observed.problem,
            now=self.kube.clock.now(),
            deadline_s=self.settings.rollout_timeout_s,
        )
        look = Look(
            key,
            raw,
            resource,
            values,
            observed,
            state,
            memory,
            failure,
            ignored,
            stands_back=stands_back,
            # What waits for a node does not stand still yet.
            standstill="" if problem and problem.reason is Reason.WAITING_FOR_NODE else standstill,
            profile=profile,
            profile_version=profile_version,
            scaling=scaling,
            access=access,
            made_secret=made if access is not None and access.is_made else "",
            node_wait_s=node_wait_s,
        )
        if look.renders:
            return look
        look = _judge_rollout(await self._compare(look))
        return await self._compare(look) if look.is_rolled_back else look

    async def _scaled(
        self, key: Key, raw: Object, spec: Autoscaling, observed: Observed, *, is_missing: bool
    ) -> tuple[Observed, Scaling]:
        """Return `observed` with how few inference pods there may be, and what is found of the autoscaler."""
        inference, autoscaler = observed.inference, None
        if inference is not None:
            observed = replace(observed, inference=replace(inference, least=spec.min_replicas))
            if not is_missing:
                is_keda = spec.target.queue_depth is not None
                autoscaler = await self.autoscalers.read(key, is_keda=is_keda)
        status, now = raw.get("status", {}), self.kube.clock.timestamp()
        return observed, read_scaling(spec, autoscaler, inference, observed.pods, status, now)

    async def _compare(self, look: Look) -> Look:
        """Return `look` with what is not as the release made it, where the release is as it shall be."""
        is_whole = look.state in (ReleaseState.IN_SYNC, ReleaseState.DRIFTED) or _is_brought_back(look)
        if look.resource is None or look.deleting or look.suspended or not is_whole:
            return look
        detection = look.resource.spec.drift_detection
        report = await self.drift.look(look.key, detection, look.observed, time.monotonic())
        is_drifted = report is not None and report.corrections and not look.is_rolled_back
        return replace(look, state=ReleaseState.DRIFTED if is_drifted else look.state, drift=report)

    @staticmethod
    def _access(
        key: Key, raw: Object, resource: BindVectorizer, observed: Observed, made: str
    ) -> Access | None:
        weaviate = resource.spec.weaviate
        if weaviate.external is not None:
            return None
        if renders(raw):
            # What is rendered follows from the resource alone, so that others can render the same.
            return access_of(key.name, weaviate, was_open=False)
        is_open = was_open(raw.get("status", {}), observed.stateful_set)
        return access_of(key.name, weaviate, was_open=is_open, made=made)

    def _node_wait_s(self, profile: AppliedProfile | None) -> float:
        own = profile.node_wait_s if profile else None
        return self.settings.node_wait_s if own is None else own

    def foreign_unlock_after_s(self, raw: Object) -> float:
        """Return how long somebody else's Helm is waited for; a deletion must not give up before it."""
        limit_s = self.settings.foreign_unlock_after_s
        return min(limit_s, self.settings.delete_timeout_s / 2) if is_deleting(raw) else limit_s


def _judge_rollout(look: Look) -> Look:
    """Return `look` with what is to be done about a rollout that stands still."""
    if look.resource is None or look.failure is not None or look.deleting or look.suspended:
        return look
    revisions = look.observed.revisions
    remedy = remedy_for(
        look.resource,
        look.raw,
        look.state,
        revisions,
        look.wanted_digest,
        look.standstill,
        look.profile.digest if look.profile else None,
        look.values.layers_digest if look.values else None,
    )
    return replace(look, remedy=remedy, failure=remedy.failure)


def _is_brought_back(look: Look) -> bool:
    """Return whether a rollback stands in place of the spec, and nobody is at work on the release."""
    is_deployed = look.state is ReleaseState.OUT_OF_SYNC and look.observed.revisions[0].status == "deployed"
    return look.is_rolled_back and is_deployed


def _first_claim(key: Key, observed: Observed, state: ReleaseState) -> Object | None:
    """Return the volume claim of the first Weaviate pod; None if it is somebody else's."""
    if state is ReleaseState.FOREIGN:
        return None
    name = data_claim_name(key.name, 0)
    return next((claim for claim in observed.claims if claim["metadata"]["name"] == name), None)
