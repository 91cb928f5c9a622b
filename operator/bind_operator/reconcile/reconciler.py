"""The loop observes the release, decides one action, takes it, summarizes and looks again."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bind_operator.api.identity import FINALIZER, RECONCILE_ANNOTATION
from bind_operator.api.parse import parse_stored
from bind_operator.api.spec import BindVectorizer, DeletionPolicy
from bind_operator.api.status import BindVectorizerStatus, Condition, ConditionType, RemediationStatus
from bind_operator.cluster.downloads import slowest_download
from bind_operator.cluster.kube import Kube, Observed
from bind_operator.errors import ApiConflict, ForeignOwner, OperatorError
from bind_operator.metrics import RECONCILE_SECONDS, RECONCILES, RELEASES, STATUS_PATCHES
from bind_operator.policy.attempts import Attempts
from bind_operator.policy.claims import read_claims
from bind_operator.policy.conditions import Facts, ignored_note
from bind_operator.policy.drift import Report
from bind_operator.policy.facts import Failure, Key, Problem, Verification
from bind_operator.policy.guards import Change, failure_of
from bind_operator.policy.memory import Memory, recall
from bind_operator.policy.names import data_claim_name
from bind_operator.policy.objects import Object
from bind_operator.policy.ownership import lock_message
from bind_operator.policy.plan import Action, decide
from bind_operator.policy.polling import Polling
from bind_operator.policy.remediation import Remedy, Step, remedy_for, standstill_of
from bind_operator.policy.remembered import restored
from bind_operator.policy.state import ReleaseState, observe_state
from bind_operator.policy.status import build_status
from bind_operator.reasons import Reason
from bind_operator.reconcile.claims import Claims
from bind_operator.reconcile.deletion import Deletion
from bind_operator.reconcile.drift import Drift
from bind_operator.reconcile.failure_log import FailureLog
from bind_operator.reconcile.guard import Guard, action_while_held
from bind_operator.reconcile.live_checks import LiveChecks, subject_of, target_of
from bind_operator.reconcile.memory import Memories
from bind_operator.reconcile.ownership import Ownership
from bind_operator.reconcile.remediation import roll_back
from bind_operator.reconcile.waves import Waves, is_wave
from bind_operator.release.chart import Chart
from bind_operator.release.helm import Helm
from bind_operator.release.values import RenderedValues, render_values
from bind_operator.settings import Settings

logger = logging.getLogger(__name__)

BUSY_REQUEUE_S = 2.0
CONFLICT_REQUEUE_S = 0.5
LOOK_AGAIN_MAX_S = 60.0
"""So long at most nobody looks at a resource that could not be looked at."""
DELETING_AGAIN_MAX_S = 30.0
"""So often at least it is seen whether a deletion has taken too long."""
HELD_REQUEUE_S = 1.0


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
    memory: Memory
    failure: Failure | None = None
    ignored: tuple[str, ...] = ()
    """These fields of the spec are unknown to this operator."""
    held_back: Problem | None = None
    """The spec is not applied, because it would break data."""
    accepted: tuple[Change, ...] = ()
    """The spec breaks this, and its user has accepted it."""
    stands_back: bool = False
    """The release is left to somebody else who took it over."""
    drift: Report | None = None
    """What is not as the release made it; None where that is not looked at."""
    standstill: str = ""
    """It says which rollout stands still and why; empty for none."""
    remediation: RemediationStatus | None = None
    """It is a rollback that was decided now."""
    held: str = ""
    """It says what an upgrade waits for, which the operator and not the spec asks for."""

    @property
    def request(self) -> str | None:
        """The value of the annotation by which a person asks for an attempt at once."""
        value: str | None = self.raw["metadata"].get("annotations", {}).get(RECONCILE_ANNOTATION)
        return value

    @property
    def is_asked(self) -> bool:
        """A person asks for an attempt that has not been made yet."""
        asked = self.request is not None
        return asked and self.request != self.raw.get("status", {}).get("lastHandledReconcile")

    @property
    def wanted_digest(self) -> str:
        """The digest that the release should carry; empty if the spec is invalid."""
        return self.values.digest if self.values else ""

    @property
    def deleting(self) -> bool:
        return _is_deleting(self.raw)

    @property
    def suspended(self) -> bool:
        return bool(self.raw.get("spec", {}).get("suspend"))

    @property
    def aim(self) -> tuple[object, ...]:
        """The operator tries this: failures count against it, and another one starts anew."""
        return self.wanted_digest, self.raw["metadata"].get("generation"), self.deleting, self.request


@dataclass
class Reconciler:
    """Brings resources and their releases together, one look at a time."""

    settings: Settings
    chart: Chart
    kube: Kube
    helm: Helm
    deletion: Deletion
    checks: LiveChecks
    attempts: Attempts
    polling: Polling
    claims: Claims
    guard: Guard
    memories: Memories
    ownership: Ownership
    drift: Drift
    waves: Waves
    _states: dict[Key, ReleaseState] = field(default_factory=dict)
    _failures: FailureLog = field(default_factory=lambda: FailureLog(logger))
    _looks: Attempts = field(init=False)

    def __post_init__(self) -> None:
        self._looks = Attempts(self.settings.retry_base_s, LOOK_AGAIN_MAX_S)

    async def reconcile(self, key: Key) -> float | None:
        """Look at `key` once and take one action; return in how many seconds to requeue it, None if gone."""
        with RECONCILE_SECONDS.time():
            try:
                requeue_s = await self._reconcile(key)
            except OperatorError as error:
                RECONCILES.labels(outcome=str(error.reason)).inc()
                if isinstance(error, ApiConflict):
                    return CONFLICT_REQUEUE_S
                # The API server itself is not to be had: there is no status to say it in.
                self._failures.failed(key, "look", error)
                self._looks.record_failure(key, None, error, time.monotonic())
                return self._looks.wait_s(key, time.monotonic()) or LOOK_AGAIN_MAX_S
        self._failures.succeeded(key, "look")
        self._looks.forget(key)
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
        if "deletionTimestamp" in raw["metadata"] and await self.kube.is_terminating(key.namespace):
            # Its release goes with the namespace, and in namespaced mode our rights there, maybe before us.
            await self.kube.apply_finalizer(raw, present=False)
            self._forget(key)
            return None
        look = await self._observe(key, raw)
        if look.is_asked:
            self.checks.forget(key)
        action = decide(
            look.state, deleting=look.deleting, suspended=look.suspended, stands_back=look.stands_back
        )
        if action is Action.CORRECT and not (look.drift and look.drift.corrections):
            # Its record cannot be read; or what is missing was put back too often.
            action = Action.NOTHING if look.drift else Action.UPGRADE
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
        if action is Action.STAND_BACK and look.failure is None:
            refusal = self.ownership.refusal(key, raw, look.observed.revisions)
            look = replace(look, failure=_final(refusal))
        if look.state is not ReleaseState.FOREIGN:
            await self.claims.mark(key, raw, look.observed, look.memory)
        if look.failure is not None and not look.deleting:
            return await self._summarize(look)
        if action in (Action.NOTHING, Action.WAIT):
            return await self._summarize(look)
        if action in (Action.INSTALL, Action.UPGRADE):
            look = await self._judge(look)
            action = action if look.held_back is None else action_while_held(look.observed)
        blocked = self.attempts.blocking(key, look.aim, time.monotonic())
        if action is Action.NOTHING or (blocked is not None and not look.deleting):
            return await self._summarize(replace(look, failure=look.failure or blocked))
        hold = await self.claims.hold(action, key, raw, look.resource, look.observed)
        if hold is not None and not self.deletion.is_overdue(raw):
            requeue_s = await self._summarize(replace(look, failure=hold.failure))
            return requeue_s if hold.failure else min(requeue_s, HELD_REQUEUE_S)
        if action is Action.UPGRADE and is_wave(raw, look.state, look.wanted_digest):
            turn = await self.waves.turn(key, raw)
            if not turn.has_come:
                requeue_s = await self._summarize(replace(look, held=turn.message))
                return min(requeue_s, turn.wait_s)
            if turn.message:
                await self.kube.record_event(raw, Reason.WAVE_WENT_ON, turn.message, warning=True)
        return await self._act(action, look, blocked)

    async def _judge(self, look: _Look) -> _Look:
        """Return the look with what the spec would break."""
        if look.resource is None:
            return look
        judged = await self.guard.judge(
            look.key, look.raw, look.resource, look.observed, look.state, look.memory
        )
        if not judged.open:
            return replace(look, accepted=judged.accepted)
        await self.claims.protect(look.key, look.observed)
        failure = failure_of(look.key, judged.open)
        return replace(look, failure=failure, held_back=failure)

    async def _act(self, action: Action, look: _Look, blocked: Failure | None) -> float | None:
        """Take `action` and write how it went; return as `reconcile` does."""
        key = look.key
        try:
            is_gone = await self._take(action, look, blocked)
        except OperatorError as error:
            if not error.counted:
                raise
            self._failures.failed(key, str(action), error)
            failure = self.attempts.record_failure(key, look.aim, error, time.monotonic())
            return await self._summarize(replace(await self._observe(key, look.raw), failure=failure))
        if is_gone:
            self._forget(key)
            return None
        self._failures.succeeded(key, str(action))
        if action is Action.RESTORE:
            self.attempts.forget(key)
            return 0.0
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
        revisions = await self.ownership.recognise(key, observed.revisions)
        observed = replace(observed, revisions=revisions)
        resource, values, failure = None, None, None
        ignored: tuple[str, ...] = ()
        try:
            resource, ignored = parse_stored(_without_status(raw))
            peers = self.settings.operator_peers
            values = render_values(resource, self.settings.images, self.chart, peers)
        except OperatorError as error:
            failure = _final(error)
        state = observe_state(
            key.name,
            observed.revisions,
            observed.workloads,
            values.digest if values else "",
            now=time.time(),
            unlock_after_s=self.settings.unlock_after_s,
            foreign_unlock_after_s=self._foreign_unlock_after_s(raw),
        )
        memory = recall(raw.get("status", {}), _first_claim(key, observed, state))
        stands_back = self.ownership.stands_back(key, raw, revisions, time.monotonic())
        standstill = standstill_of(
            observed.weaviate,
            observed.inference,
            observed.pods,
            observed.problem,
            now=time.time(),
            deadline_s=self.settings.rollout_timeout_s,
        )
        look = _Look(
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
            standstill=standstill,
        )
        look = await self._compare(look)
        self._states[key] = look.state
        self._count_states()
        return look

    async def _compare(self, look: _Look) -> _Look:
        """Return `look` with what is not as the release made it, where the release itself is in sync."""
        is_whole = look.state in (ReleaseState.IN_SYNC, ReleaseState.DRIFTED)
        if look.resource is None or look.deleting or look.suspended or not is_whole:
            return look
        detection = look.resource.spec.drift_detection
        report = await self.drift.look(look.key, detection, look.observed, time.monotonic())
        state = ReleaseState.DRIFTED if report and report.corrections else look.state
        return replace(look, state=state, drift=report)

    def _foreign_unlock_after_s(self, raw: Object) -> float:
        """Return how long somebody else's Helm is waited for; a deletion must not give up before it."""
        limit_s = self.settings.foreign_unlock_after_s
        return min(limit_s, self.settings.delete_timeout_s / 2) if _is_deleting(raw) else limit_s

    async def _take(self, action: Action, look: _Look, blocked: Failure | None) -> bool:
        """Take `action`; return whether the resource is gone by it. Raises OperatorError."""
        match action:
            case Action.FINISH_DELETION:
                policy = look.raw.get("spec", {}).get("deletionPolicy", DeletionPolicy.RETAIN)
                owned = look.state is not ReleaseState.FOREIGN and not look.stands_back
                if look.stands_back:
                    await self.ownership.leave(look.key, look.raw, look.observed.revisions[0])
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
            case Action.CORRECT if look.drift:
                await self.drift.correct(look.key, look.raw, look.observed, look.drift, time.monotonic())
            case Action.ROLL_BACK:
                await roll_back(self.helm, self.kube, look.key, look.raw)
            case Action.INSTALL | Action.UPGRADE:
                await self._release(action, look)
            case Action.RESTORE:
                await self._restore(look)
        return False

    async def _release(self, action: Action, look: _Look) -> None:
        values = look.values
        if values is None:
            raise AssertionError(look)
        if action is Action.INSTALL:
            await self.helm.install(look.key, values)
            reason, what = Reason.INSTALLED, "installed"
        else:
            latest = look.observed.revisions[0]
            if look.state is ReleaseState.TAKEN_OVER:
                await self.ownership.take_back(look.key, look.raw, latest, time.monotonic())
            await self.helm.upgrade(look.key, values, latest.number + 1)
            reason, what = Reason.UPGRADED, f"upgraded, because it was {look.state}"
        message = f"{self.chart.full_name} {what}"
        await self.kube.record_event(look.raw, reason, message, warning=False)

        for change in look.accepted:
            await self.kube.record_event(look.raw, Reason.CHANGE_ACCEPTED, change.breaks, warning=False)

    async def _restore(self, look: _Look) -> None:
        number = look.observed.revisions[0].number
        await self.helm.rollback(look.key, number)
        message = f"revision {number} applied again, because a workload of it was gone"
        await self.kube.record_event(look.raw, Reason.UPGRADED, message, warning=False)

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
            ignored=look.ignored,
            held_back=look.held_back,
            memory=look.memory,
            lock=self._lock(look),
            claims=() if look.state is ReleaseState.FOREIGN else read_claims(observed.claims, look.raw),
            drift=look.drift,
            standstill=look.standstill,
            remediation=look.remediation,
            held=look.held,
        )
        if look.state is ReleaseState.IN_SYNC and facts.is_rolled_out and not look.deleting:
            facts = replace(facts, verification=self._verify(look))
            if self.checks.has_just_begun(look.key):
                return self.checks.wait_s(look.key)
        elif look.state is ReleaseState.IN_SYNC and observed.problem is None and not look.deleting:
            facts = replace(facts, download=await slowest_download(observed.pods))
        generation = look.raw["metadata"]["generation"]
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        before = look.raw.get("status", {})
        facts = await self._remember(look, facts, now)
        # Helm is busy: what was asked for has still to be tried.
        waits = look.state is ReleaseState.BUSY and not look.deleting
        request = before.get("lastHandledReconcile") if waits else look.request
        status = build_status(look.key, look.resource, generation, facts, before, now, request)
        is_new = await self.kube.apply_status(look.raw, status)
        if is_new:
            STATUS_PATCHES.inc()
            await self._record_ready(look, _ready(before), status.ready)
            await self._record_ignored(look, before, status)
            await self.claims.record_replaced(look.raw, status.storage)
            await self.drift.tell(look.raw, look.drift, status)
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
        requeue_s = self._requeue_s(look, facts, status, is_new=is_new)
        return min(requeue_s, self.drift.requeue_s(look.key, time.monotonic()))

    async def _remember(self, look: _Look, facts: Facts, today: str) -> Facts:
        """Return `facts` with what the status shall remember."""
        if look.resource is None or look.values is None:
            return facts
        containers = subject_of(look.values.digest, look.observed.pods)
        return await self.memories.update(
            look.key, look.raw, look.resource, facts, containers, now=time.monotonic(), today=today
        )

    def _lock(self, look: _Look) -> str:
        """Return what is said of a pending revision, "" where none is."""
        is_pending = look.state in (ReleaseState.BUSY, ReleaseState.LOCKED)
        limit_s = self._foreign_unlock_after_s(look.raw)
        return lock_message(look.observed.revisions[0], limit_s) if is_pending else ""

    async def _record_ready(self, look: _Look, old: Mapping[str, Any], new: Condition) -> None:
        """Record an event if Ready's status or reason changed."""
        if (old.get("status"), old.get("reason")) == (new.status, new.reason):
            return
        warning = new.status == "False" and new.reason != Reason.DELETING
        fields = _log_fields(look.key) | {"ready": new.status, "reason": new.reason}
        logger.info("ready changed", extra=fields)
        await self.kube.record_event(look.raw, Reason(new.reason), new.message, warning=warning)

    async def _record_ignored(
        self, look: _Look, before: Mapping[str, Any], status: BindVectorizerStatus
    ) -> None:
        """Record once that fields of the spec are ignored: when the status begins to say so."""
        note = ignored_note(look.ignored)
        told = any(note in condition.message for condition in status.conditions)
        if note and told and not any(note in one["message"] for one in before.get("conditions", [])):
            message = f"the spec has fields{note.removeprefix(';')}"
            await self.kube.record_event(look.raw, Reason.UNKNOWN_FIELDS, message, warning=True)

    def _verify(self, look: _Look) -> Verification | None:
        """Return the result of the live check, which starts if it is due; None while there is none."""
        if look.resource is None or look.values is None:
            return None
        status, digest, pods = look.raw.get("status", {}), look.values.digest, look.observed.pods
        target = target_of(look.key, look.resource, self.settings, look.observed, status)
        earlier = restored(status, digest, pods)
        return self.checks.look(look.key, subject_of(digest, pods), target, earlier)

    def _requeue_s(self, look: _Look, facts: Facts, status: BindVectorizerStatus, *, is_new: bool) -> float:
        """Return after how long to requeue the resource; a watch may add it earlier."""
        settings = self.settings
        if facts.is_rolled_out:
            self.polling.forget(look.key)
        if look.failure is not None:
            wait_s = self.attempts.wait_s(look.key, time.monotonic())
            wait_s = settings.resync_s if wait_s is None else wait_s
            return min(wait_s, DELETING_AGAIN_MAX_S) if look.deleting else wait_s
        if look.deleting:
            return self.deletion.requeue_s
        if look.state is ReleaseState.BUSY:
            return BUSY_REQUEUE_S
        if facts.verification is not None:
            return min(settings.resync_s, self.checks.wait_s(look.key))
        if status.ready.status == "True" or look.suspended or facts.is_rolled_out:
            return settings.resync_s
        return self.polling.wait_s(look.key, is_new=is_new)

    def forget_where(self, which: Callable[[Key], bool]) -> None:
        """Forget what was seen of such resources, because another operator acts on them now."""
        for key in [key for key in self._states if which(key)]:
            self._forget(key)

    def _forget(self, key: Key) -> None:
        self.attempts.forget(key)
        self._failures.forget(key)
        self._looks.forget(key)
        self.polling.forget(key)
        self.checks.forget(key)
        self.deletion.forget(key)
        self.memories.forget(key)
        self.ownership.forget(key)
        self.drift.forget(key)
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


def _first_claim(key: Key, observed: Observed, state: ReleaseState) -> Object | None:
    """Return the volume claim of the first Weaviate pod; None if it is somebody else's."""
    if state is ReleaseState.FOREIGN:
        return None
    name = data_claim_name(key.name, 0)
    return next((claim for claim in observed.claims if claim["metadata"]["name"] == name), None)


def _is_ours(raw: Mapping[str, Any]) -> bool:
    """Return whether the operator acts on the resource: not on a deleted one without its finalizer."""
    metadata = raw["metadata"]
    return "deletionTimestamp" not in metadata or FINALIZER in metadata.get("finalizers", [])


def _is_deleting(raw: Object) -> bool:
    return "deletionTimestamp" in raw["metadata"]


def _without_status(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in raw.items() if name != "status"}


def _ready(status: Mapping[str, Any]) -> Mapping[str, Any]:
    conditions = status.get("conditions", [])
    return next((one for one in conditions if one["type"] == ConditionType.READY), {})


def _log_fields(key: Key) -> dict[str, str]:
    """Return the fields of a log line about `key`."""
    return {"bindvectorizer": key.name, "namespace": key.namespace}
