"""The loop observes the release, decides one action, takes it, summarizes and looks again."""

import logging
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bind_operator.api.identity import FINALIZER
from bind_operator.api.parse import parse_resource
from bind_operator.api.spec import BindVectorizer, DeletionPolicy
from bind_operator.api.status import BindVectorizerStatus, Condition, ConditionType, RemediationStatus
from bind_operator.cluster.kube import Kube, Observed
from bind_operator.cluster.verification import Target, Verifier, fingerprint_of, inference_addresses
from bind_operator.errors import ApiConflict, ForeignOwner, OperatorError
from bind_operator.metrics import RECONCILE_SECONDS, RECONCILES, RELEASES, STATUS_PATCHES
from bind_operator.policy.attempts import Attempts
from bind_operator.policy.conditions import Facts
from bind_operator.policy.facts import Component, Failure, Key, Verification
from bind_operator.policy.names import is_upstream_image, workload_name
from bind_operator.policy.objects import Object
from bind_operator.policy.plan import Action, decide
from bind_operator.policy.polling import Polling
from bind_operator.policy.remediation import Remedy, Step, remedy_for, standstill_of
from bind_operator.policy.state import ReleaseState, observe_state
from bind_operator.policy.status import build_status
from bind_operator.reasons import Reason
from bind_operator.reconcile.deletion import Deletion
from bind_operator.reconcile.remediation import roll_back
from bind_operator.reconcile.waves import Waves, is_wave
from bind_operator.release.chart import Chart
from bind_operator.release.helm import Helm
from bind_operator.release.values import RenderedValues, render_values
from bind_operator.settings import Settings

logger = logging.getLogger(__name__)

VERIFY_REQUEUE_S = 1.0
BUSY_REQUEUE_S = 2.0
CONFLICT_REQUEUE_S = 0.5


@dataclass(frozen=True)
class _Look:
    """One look at one resource finds what is wanted and what is there."""

    key: Key
    raw: Object
    resource: BindVectorizer | None
    """None if the spec is invalid; then `failure` says why."""
    values: RenderedValues | None
    observed: Observed
    state: ReleaseState
    failure: Failure | None = None
    standstill: str = ""
    """It says which rollout stands still and why; empty for none."""
    remediation: RemediationStatus | None = None
    """It is a rollback that was decided now."""
    held: str = ""
    """It says what an upgrade waits for, which the operator and not the spec asks for."""

    @property
    def wanted_digest(self) -> str:
        """The digest that the release should carry; empty if the spec is invalid."""
        return self.values.digest if self.values else ""

    @property
    def deleting(self) -> bool:
        return "deletionTimestamp" in self.raw["metadata"]

    @property
    def suspended(self) -> bool:
        return bool(self.raw.get("spec", {}).get("suspend"))

    @property
    def aim(self) -> tuple[object, ...]:
        """The operator tries this: failures count against it, and another one starts anew."""
        return self.wanted_digest, self.raw["metadata"].get("generation"), self.deleting


@dataclass
class Reconciler:
    """Brings resources and their releases together, one look at a time."""

    settings: Settings
    chart: Chart
    kube: Kube
    helm: Helm
    deletion: Deletion
    verifier: Verifier
    attempts: Attempts
    polling: Polling
    waves: Waves
    _states: dict[Key, ReleaseState] = field(default_factory=dict)

    async def reconcile(self, key: Key) -> float | None:
        """Look at `key` once and take one action; return in how many seconds to requeue it, None if gone."""
        with RECONCILE_SECONDS.time():
            try:
                requeue_s = await self._reconcile(key)
            except OperatorError as error:
                # The API server itself is not to be had: there is no status to say it in.
                logger.warning("look failed", extra=_log_fields(key, error))
                RECONCILES.labels(outcome=str(error.reason)).inc()
                return CONFLICT_REQUEUE_S if isinstance(error, ApiConflict) else self.settings.retry_base_s
        RECONCILES.labels(outcome="done").inc()
        return requeue_s

    async def _reconcile(self, key: Key) -> float | None:
        raw = await self.kube.read_resource(key)
        if raw is None or not _is_ours(raw):
            self._forget(key)
            return None
        if FINALIZER not in raw["metadata"].get("finalizers", []):
            await self.kube.apply_finalizer(raw, present=True)
            return 0.0
        look = await self._observe(key, raw)
        action = decide(look.state, deleting=look.deleting, suspended=look.suspended)
        remedy = Remedy(Step.NONE)
        if look.resource and look.failure is None and not look.deleting and not look.suspended:
            remedy = remedy_for(
                look.resource, raw, look.state, look.observed.revisions, look.wanted_digest, look.standstill
            )
        match remedy.step:
            case Step.RECORD if remedy.record:
                await self._summarize(replace(look, remediation=remedy.record))
                return 0.0
            case Step.ROLL_BACK:
                action = Action.ROLL_BACK
            case Step.HOLD:
                look = replace(look, failure=remedy.failure)
        if action is Action.REFUSE and look.failure is None:
            look = replace(look, failure=_final(ForeignOwner(_foreign_message(look))))
        if look.failure is not None and not look.deleting:
            return await self._summarize(look)
        if action in (Action.NOTHING, Action.WAIT):
            return await self._summarize(look)
        blocked = self.attempts.blocking(key, look.aim, time.monotonic())
        if blocked is not None and not look.deleting:
            return await self._summarize(replace(look, failure=blocked))
        if action is Action.UPGRADE and is_wave(raw, look.state, look.wanted_digest):
            turn = await self.waves.turn(key, raw)
            if not turn.has_come:
                requeue_s = await self._summarize(replace(look, held=turn.message))
                return min(requeue_s, turn.wait_s)
            if turn.message:
                await self.kube.record_event(raw, Reason.WAVE_WENT_ON, turn.message, warning=True)
        return await self._act(action, look, blocked)

    async def _act(self, action: Action, look: _Look, blocked: Failure | None) -> float | None:
        """Take `action` and write how it went; return as `reconcile` does."""
        key = look.key
        try:
            is_gone = await self._take(action, look, blocked)
        except OperatorError as error:
            if not error.counted:
                raise
            logger.warning("action failed", extra=_log_fields(key, error, action=str(action)))
            failure = self.attempts.record_failure(key, look.aim, error, time.monotonic())
            return await self._summarize(replace(await self._observe(key, look.raw), failure=failure))
        if is_gone:
            self._forget(key)
            return None
        if action is Action.FINISH_DELETION or blocked is not None:
            return await self._summarize(replace(look, failure=blocked))
        self.attempts.forget(key)
        if action is Action.ROLL_BACK:
            return 0.0
        requeue_s = await self._summarize(await self._observe(key, look.raw))
        return requeue_s if action in (Action.INSTALL, Action.UPGRADE) else 0.0

    async def _observe(self, key: Key, raw: Object) -> _Look:
        """Return what is wanted and what is there."""
        observed = await self.kube.observe(key)
        resource, values, failure = None, None, None
        try:
            resource = parse_resource(_without_status(raw))
            values = render_values(resource, self.settings.images, self.chart)
        except OperatorError as error:
            failure = _final(error)
        state = observe_state(
            key.name,
            observed.revisions,
            observed.workloads,
            values.digest if values else "",
            now=time.time(),
            unlock_after_s=self.settings.unlock_after_s,
        )
        self._states[key] = state
        self._count_states()
        standstill = standstill_of(
            observed.weaviate,
            observed.inference,
            observed.pods,
            observed.problem,
            now=time.time(),
            deadline_s=self.settings.rollout_timeout_s,
        )
        return _Look(key, raw, resource, values, observed, state, failure, standstill)

    async def _take(self, action: Action, look: _Look, blocked: Failure | None) -> bool:
        """Take `action`; return whether the resource is gone by it. Raises OperatorError."""
        match action:
            case Action.FINISH_DELETION:
                policy = look.raw.get("spec", {}).get("deletionPolicy", DeletionPolicy.RETAIN)
                owned = look.state is not ReleaseState.FOREIGN
                return await self.deletion.finish(look.key, look.raw, look.observed, policy, owned=owned)
            case Action.UNINSTALL if look.deleting:
                return await self.deletion.uninstall(look.key, look.raw, blocked)
            case Action.UNINSTALL:
                await self.helm.uninstall(look.key)
            case Action.UNLOCK:
                revision = look.observed.revisions[0]
                await self.kube.unlock(look.key, revision)
                message = (
                    f"revision {revision.number} was {revision.status}; it is marked failed and tried again"
                )
                await self.kube.record_event(look.raw, Reason.UNLOCKED, message, warning=True)
            case Action.ROLL_BACK:
                await roll_back(self.helm, self.kube, look.key, look.raw)
            case Action.INSTALL | Action.UPGRADE:
                await self._release(action, look)
        return False

    async def _release(self, action: Action, look: _Look) -> None:
        values = look.values
        if values is None:
            raise AssertionError(look)
        if action is Action.INSTALL:
            await self.helm.install(look.key, values)
            reason, what = Reason.INSTALLED, "installed"
        else:
            await self.helm.upgrade(look.key, values)
            reason, what = Reason.UPGRADED, f"upgraded, because it was {look.state}"
        message = f"{self.chart.full_name} {what}"
        await self.kube.record_event(look.raw, reason, message, warning=False)

    async def _summarize(self, look: _Look) -> float:
        """Write the status if it changed, an event if Ready did; return after how many seconds to requeue."""
        observed = look.observed
        facts = Facts(
            state=look.state,
            revisions=observed.revisions,
            weaviate=observed.weaviate,
            inference=observed.inference,
            problem=observed.problem,
            failure=look.failure,
            verification=None,
            deleting=look.deleting,
            suspended=look.suspended,
            standstill=look.standstill,
            remediation=look.remediation,
            held=look.held,
        )
        if look.state is ReleaseState.IN_SYNC and facts.is_rolled_out and not look.deleting:
            facts = replace(facts, verification=await self._verify(look))
        generation = look.raw["metadata"]["generation"]
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        before = look.raw.get("status", {})
        status = build_status(look.key, look.resource, generation, facts, before, now)
        is_new = await self.kube.apply_status(look.raw, status)
        if is_new:
            STATUS_PATCHES.inc()
            await self._record_ready(look, _ready(before), status.ready)
        latest = observed.revisions[0] if observed.revisions else None
        self.waves.note(
            look.key,
            look.raw,
            look.state,
            latest,
            look.wanted_digest,
            is_ready=status.ready.status == "True",
            is_out=look.suspended or look.deleting or look.values is None,
        )
        return self._requeue_s(look, facts, status, is_new=is_new)

    async def _record_ready(self, look: _Look, old: Mapping[str, Any], new: Condition) -> None:
        """Record an event if Ready's status or reason changed."""
        if (old.get("status"), old.get("reason")) == (new.status, new.reason):
            return
        warning = new.status == "False" and new.reason != Reason.DELETING
        fields = _log_fields(look.key) | {"ready": new.status, "reason": new.reason}
        logger.info("ready changed", extra=fields)
        await self.kube.record_event(look.raw, Reason(new.reason), new.message, warning=warning)

    async def _verify(self, look: _Look) -> Verification | None:
        """Return the result of the live check; None if there is nothing to ask."""
        if look.resource is None or look.values is None:
            return None
        now = time.monotonic()
        fingerprint = fingerprint_of(look.values.digest, look.observed.pods)
        remembered = self.verifier.remembered(look.key, fingerprint, now)
        if remembered is not None:
            return remembered
        address = await self.kube.service_address(look.key, workload_name(look.key.name, Component.WEAVIATE))
        if address is None:
            return None
        inference = look.resource.spec.inference
        repository = inference.image.repository or self.settings.images.inference.repository
        model = None if is_upstream_image(repository) else inference.model.name
        target = Target(address, inference_addresses(look.observed.pods), model)
        return await self.verifier.verify(look.key, fingerprint, target, now)

    def _requeue_s(self, look: _Look, facts: Facts, status: BindVectorizerStatus, *, is_new: bool) -> float:
        """Return after how long to requeue the resource; a watch may add it earlier."""
        settings = self.settings
        if facts.is_rolled_out:
            self.polling.forget(look.key)
        if look.failure is not None:
            wait_s = self.attempts.wait_s(look.key, time.monotonic())
            return settings.resync_s if wait_s is None else wait_s
        if look.deleting:
            return self.deletion.requeue_s
        if look.state is ReleaseState.BUSY:
            return BUSY_REQUEUE_S
        if status.ready.status == "True" or look.suspended:
            return settings.resync_s
        if facts.is_rolled_out:
            return VERIFY_REQUEUE_S
        return self.polling.wait_s(look.key, is_new=is_new)

    def _forget(self, key: Key) -> None:
        self.attempts.forget(key)
        self.polling.forget(key)
        self.verifier.forget(key)
        self.deletion.forget(key)
        self.waves.forget(key)
        self._states.pop(key, None)
        self._count_states()

    def _count_states(self) -> None:
        counts = Counter(self._states.values())
        for state in ReleaseState:
            RELEASES.labels(state=str(state)).set(counts[state])


def _final(error: OperatorError) -> Failure:
    return Failure(error.reason, str(error), is_final=True)


def _foreign_message(look: _Look) -> str:
    if look.observed.revisions:
        return (
            f"Helm release {look.key.name} of namespace {look.key.namespace} was not made by this operator; "
            "uninstall it or give this resource another name"
        )
    names = ", ".join(workload.name for workload in look.observed.workloads if workload)
    return f"{names} was not made by this operator; remove it or give this resource another name"


def _is_ours(raw: Mapping[str, Any]) -> bool:
    """Return whether the operator acts on the resource: not on a deleted one without its finalizer."""
    metadata = raw["metadata"]
    return "deletionTimestamp" not in metadata or FINALIZER in metadata.get("finalizers", [])


def _without_status(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in raw.items() if name != "status"}


def _ready(status: Mapping[str, Any]) -> Mapping[str, Any]:
    conditions = status.get("conditions", [])
    return next((one for one in conditions if one["type"] == ConditionType.READY), {})


def _log_fields(key: Key, error: OperatorError | None = None, **more: str) -> dict[str, str]:
    """Return the fields of a log line about `key`."""
    fields = {"bindvectorizer": key.name, "namespace": key.namespace, **more}
    return fields | {"reason": str(error.reason), "error": str(error)} if error else fields
