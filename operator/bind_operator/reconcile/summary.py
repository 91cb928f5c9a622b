"""The summary of a look is the status and its events, and when to look again."""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from bind_operator.api.spec import BindVectorizer
from bind_operator.api.status import BindVectorizerStatus, Condition, ConditionType
from bind_operator.cluster.downloads import slowest_download
from bind_operator.cluster.kube import Kube
from bind_operator.metrics import STATUS_PATCHES
from bind_operator.policy.attempts import Attempts
from bind_operator.policy.claims import read_claims
from bind_operator.policy.conditions import Facts, ignored_note
from bind_operator.policy.facts import Component, Key, Verification, is_install
from bind_operator.policy.node_wait import rest_of_wait_s
from bind_operator.policy.ownership import lock_message
from bind_operator.policy.polling import Polling
from bind_operator.policy.profiles import profile_news
from bind_operator.policy.remembered import restored
from bind_operator.policy.state import ReleaseState
from bind_operator.policy.status import build_status
from bind_operator.policy.turns import turn_in_s
from bind_operator.reasons import Reason
from bind_operator.reconcile.claims import Claims
from bind_operator.reconcile.copies import CopyKeeper
from bind_operator.reconcile.deletion import Deletion
from bind_operator.reconcile.drift import Drift
from bind_operator.reconcile.live_checks import LiveChecks, subject_of, target_of
from bind_operator.reconcile.look import Look, log_fields
from bind_operator.reconcile.memory import Memories
from bind_operator.reconcile.observer import Observer
from bind_operator.reconcile.resource_metrics import RESOURCES
from bind_operator.reconcile.sleepers import Sleepers
from bind_operator.reconcile.told import Told
from bind_operator.reconcile.waves import Waves
from bind_operator.settings import Settings

logger = logging.getLogger(__name__)

BUSY_REQUEUE_S = 2.0
NODE_LOOK_S = 30.0
"""So often at least it is seen what an autoscaler says of a pod; its events are no warnings to watch."""
NODE_WAIT_OVER_S = 1.0
"""So long after the end of a wait for a node the resource is looked at, as times are whole seconds."""
AUTOSCALER_LOOK_S = 30.0
"""So often it is seen whether KEDA has been installed, and whether an autoscaler can scale that could not."""
DELETING_AGAIN_MAX_S = 30.0
"""So often at least it is seen whether a deletion has taken too long."""


@dataclass
class Summary:
    """It writes what is new, and nothing where nothing is."""

    settings: Settings
    kube: Kube
    observer: Observer
    attempts: Attempts
    polling: Polling
    checks: LiveChecks
    claims: Claims
    memories: Memories
    drift: Drift
    deletion: Deletion
    waves: Waves
    sleepers: Sleepers
    told: Told
    copies: CopyKeeper

    async def write(self, look: Look) -> float:
        """Write the status if it changed, an event if Ready did; return after how many seconds to requeue."""
        observed, facts = look.observed, self._facts(look)
        if look.state is ReleaseState.IN_SYNC and facts.is_rolled_out and not look.deleting:
            facts = replace(facts, verification=self._verify(look))
            if self.checks.has_just_begun(look.key):
                return self.checks.wait_s(look.key)
        elif look.state is ReleaseState.IN_SYNC and observed.problem is None and not look.deleting:
            facts = replace(facts, download=await slowest_download(observed.pods))
        copies = self.copies.look(look)
        facts = replace(facts, copies=copies.told)
        generation = look.raw["metadata"]["generation"]
        now = self.kube.clock.timestamp()
        before = look.raw.get("status", {})
        facts = await self._remember(look, facts, now)
        if facts.memory != look.memory:
            # What the status will say of the data, the data says too: no later look may be needed for it.
            await self.claims.mark(look.key, look.raw, observed, facts.memory)
        # Helm is busy: what was asked for has still to be tried.
        waits = look.state is ReleaseState.BUSY and not look.deleting
        request = before.get("lastHandledReconcile") if waits else look.request
        status = build_status(look.key, look.resource, generation, facts, before, now, request)
        # Before the status is written, which afterwards no longer shows what is new.
        await self._record_revision(look, before)
        await self._record_profile(look, before)
        await self._record_open(look, before, status)
        await self._record_ready(look, _ready(before), status.ready)
        await self.copies.tell(look, copies)
        is_new = await self.kube.apply_status(look.raw, status)
        if is_new:
            STATUS_PATCHES.inc()
            await self._record_ignored(look, before, status)
            await self.claims.record_replaced(look.raw, status.storage)
            await self.drift.tell(look.raw, look.drift, status)
        self._note(look, facts, status)
        requeue_s = self._requeue_s(look, facts, status, is_new=is_new)
        return min(requeue_s, self.drift.requeue_s(look.key, time.monotonic()), copies.wait_s)

    def _facts(self, look: Look) -> Facts:
        """Return what the status is judged by, without what the cluster has still to be asked for."""
        observed = look.observed
        return Facts(
            state=look.state,
            revisions=observed.revisions,
            weaviate=observed.weaviate,
            inference=observed.inference,
            gate=observed.gate,
            shape=look.shape,
            external_url=_external_url(look.resource),
            problem=observed.problem,
            failure=look.failure,
            verification=None,
            deleting=look.deleting,
            suspended=look.suspended,
            ignored=look.ignored,
            held_back=look.held_back,
            memory=look.memory,
            lock=self._lock(look),
            claims=() if look.state is ReleaseState.FOREIGN else read_claims(observed.claims, look.raw),
            drift=look.drift,
            standstill=look.standstill,
            remediation=look.remediation,
            profile=look.profile,
            scaling=look.scaling,
            held=look.held,
            rendered=look.rendered,
            values_digest=look.values.layers_digest if look.values else None,
            leaves_release=look.leaves_release,
            access=look.access,
            made_secret=look.made_secret,
        )

    def _note(self, look: Look, facts: Facts, status: BindVectorizerStatus) -> None:
        """Tell the waves, and Prometheus, how the release stands."""
        ours = facts.of_the_resource()
        RESOURCES.note(look.key, status, {component: ours.workload(component) for component in Component})
        if look.profile_version != self.observer.profiles.version_for(look.key):
            # The profile changed meanwhile, and what was seen is of the one before: it is looked at again.
            return
        self.sleepers.note(look, is_well=status.ready.status == "True" and facts.is_rolled_out)
        latest = look.observed.revisions[0] if look.observed.revisions else None
        self.waves.note(
            look.key,
            look.raw,
            look.state,
            latest,
            look.wanted_digest,
            is_ready=status.ready.status == "True",
            is_out=look.suspended or look.deleting or look.values is None or look.has_new_values,
        )

    async def _remember(self, look: Look, facts: Facts, today: str) -> Facts:
        """Return `facts` with what the status shall remember."""
        if look.resource is None or look.values is None:
            return facts
        containers = subject_of(look.values.digest, look.checked_pods, look.has_inference_pods)
        return await self.memories.update(
            look.key, look.raw, look.resource, facts, containers, now=time.monotonic(), today=today
        )

    def _lock(self, look: Look) -> str:
        """Return what is said of a pending revision, "" where none is."""
        is_pending = look.state in (ReleaseState.BUSY, ReleaseState.LOCKED)
        limit_s = self.observer.foreign_unlock_after_s(look.raw)
        return lock_message(look.observed.revisions[0], limit_s) if is_pending else ""

    async def _record_revision(self, look: Look, before: Mapping[str, Any]) -> None:
        """Tell of a revision that an operator before this one made, and died before it could tell."""
        latest = look.observed.revisions[0] if look.observed.revisions else None
        if latest is None or not latest.managed or latest.status != "deployed":
            return
        known = (before.get("release") or {}).get("revision", 0)
        if latest.number <= known or look.is_rolled_back or self.told.has_revision(look.key, latest.number):
            return
        words, events = f"revision {latest.number}", self.kube.events
        made = (Reason.INSTALLED, Reason.UPGRADED)
        if not await events.has_told(look.raw, made, words):
            has_run = "lastVerifiedTime" in before or await events.has_told(look.raw, made)
            is_first = is_install(look.observed.revisions, has_run=has_run)
            reason, what = (
                (Reason.INSTALLED, "installed as") if is_first else (Reason.UPGRADED, "upgraded to")
            )
            message = f"{latest.chart} {what} {words}, by an operator that ended right then"
            await self.kube.record_event(look.raw, reason, message, warning=False)
        self.told.note_revision(look.key, latest.number)

    async def _record_profile(self, look: Look, before: Mapping[str, Any]) -> None:
        """Tell that the profile has changed under the resource."""
        message = profile_news(before, look.profile)
        if message:
            await self.kube.record_event(look.raw, Reason.PROFILE_CHANGED, message, warning=False)

    async def _record_open(self, look: Look, before: Mapping[str, Any], status: BindVectorizerStatus) -> None:
        """Tell once that Weaviate is left open, when the status begins to say so."""
        told = status.authentication
        if told is not None and told.note and not (before.get("authentication") or {}).get("note"):
            await self.kube.record_event(look.raw, Reason.ANONYMOUS_ACCESS, told.note, warning=True)

    async def _record_ready(self, look: Look, old: Mapping[str, Any], new: Condition) -> None:
        """Record an event if Ready's status or reason changed since that was last told."""
        written = (old.get("status"), old.get("reason"))
        if not self.told.is_new_ready(look.key, written, (new.status, new.reason)):
            return
        warning = new.status == "False" and new.reason != Reason.DELETING
        fields = log_fields(look.key) | {"ready": new.status, "reason": new.reason}
        logger.info("ready changed", extra=fields)
        await self.kube.record_event(look.raw, Reason(new.reason), new.message, warning=warning)

    async def _record_ignored(
        self, look: Look, before: Mapping[str, Any], status: BindVectorizerStatus
    ) -> None:
        """Record once that fields of the spec are ignored: when the status begins to say so."""
        note = ignored_note(look.ignored)
        told = any(note in condition.message for condition in status.conditions)
        if note and told and not any(note in one["message"] for one in before.get("conditions", [])):
            message = f"the spec has fields{note.removeprefix(';')}"
            await self.kube.record_event(look.raw, Reason.UNKNOWN_FIELDS, message, warning=True)

    def _verify(self, look: Look) -> Verification | None:
        """Return the result of the live check, which starts if it is due; None while there is none."""
        if look.resource is None or look.values is None:
            return None
        status, digest, pods = look.raw.get("status", {}), look.values.digest, look.checked_pods
        target = target_of(look.key, look.resource, self.settings, look.observed, status, look.access)
        earlier = restored(status, digest, pods)
        subject = subject_of(digest, pods, look.has_inference_pods)
        return self.checks.look(look.key, subject, target, earlier)

    def _requeue_s(self, look: Look, facts: Facts, status: BindVectorizerStatus, *, is_new: bool) -> float:
        """Return after how long to requeue the resource; a watch may add it earlier."""
        now = time.monotonic()
        turn_s = turn_in_s(look.key, self.settings.resync_s, now)
        if facts.is_rolled_out:
            self.polling.forget(look.key)
        if look.scaling is not None and look.scaling.fault:
            # Warnings tell of the fault, and nothing tells of its end.
            turn_s = min(turn_s, AUTOSCALER_LOOK_S)
        if look.failure is not None:
            wait_s = self.attempts.wait_s(look.key, now)
            wait_s = turn_s if wait_s is None else wait_s
            if look.failure.reason is Reason.KEDA_MISSING:
                # Nothing tells the operator when it is installed.
                return min(wait_s, AUTOSCALER_LOOK_S)
            return min(wait_s, DELETING_AGAIN_MAX_S) if look.deleting else wait_s
        if look.deleting:
            return self.deletion.requeue_s
        if look.state is ReleaseState.BUSY:
            return BUSY_REQUEUE_S
        if facts.verification is not None:
            return min(turn_s, self.checks.wait_s(look.key))
        if status.ready.status == "True" or look.suspended or facts.is_rolled_out:
            return turn_s
        wait_s = self.polling.wait_s(look.key, is_new=is_new)
        rest_s = rest_of_wait_s(look.observed.problem, now=self.kube.clock.now(), wait_s=look.node_wait_s)
        return wait_s if rest_s is None else min(wait_s, NODE_LOOK_S, rest_s + NODE_WAIT_OVER_S)

    def forget(self, key: Key) -> None:
        """Forget a resource that is gone."""
        self.polling.forget(key)
        self.checks.forget(key)
        self.memories.forget(key)
        self.drift.forget(key)
        self.waves.forget(key)
        self.sleepers.forget(key)
        self.copies.forget(key)
        RESOURCES.forget(key)


def _external_url(resource: BindVectorizer | None) -> str:
    """Return the address of what somebody else runs, "" where nobody else runs a part."""
    if resource is None:
        return ""
    external = resource.spec.weaviate.external or resource.spec.inference.external
    return external.url if external else ""


def _ready(status: Mapping[str, Any]) -> Mapping[str, Any]:
    conditions = status.get("conditions", [])
    return next((one for one in conditions if one["type"] == ConditionType.READY), {})
