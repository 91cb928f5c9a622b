"""The loop observes the release, decides one action, takes it, summarizes and looks again."""

import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from bind_operator.api.identity import FINALIZER
from bind_operator.cluster.kube import Kube
from bind_operator.errors import ApiConflict, ApiRefused, ForeignOwner, OperatorError
from bind_operator.metrics import RECONCILE_SECONDS, RECONCILES, RELEASES
from bind_operator.policy.attempts import Attempts
from bind_operator.policy.facts import Failure, Key
from bind_operator.policy.guards import failure_of
from bind_operator.policy.objects import Object, is_deleting
from bind_operator.policy.plan import ONLY_TOLD, Action, next_action, while_held_back
from bind_operator.policy.state import ReleaseState
from bind_operator.reasons import Reason
from bind_operator.reconcile.actions import Actions
from bind_operator.reconcile.claims import Claims
from bind_operator.reconcile.deletion import Deletion
from bind_operator.reconcile.failure_log import FailureLog
from bind_operator.reconcile.guard import Guard
from bind_operator.reconcile.keys import Keys, refused
from bind_operator.reconcile.live_checks import LiveChecks
from bind_operator.reconcile.look import Look, final, foreign_message, is_ours
from bind_operator.reconcile.observer import Observer
from bind_operator.reconcile.ownership import Ownership
from bind_operator.reconcile.rendering import Rendering
from bind_operator.reconcile.summary import Summary
from bind_operator.reconcile.told import Told
from bind_operator.reconcile.waves import Waves

logger = logging.getLogger(__name__)

CONFLICT_REQUEUE_S = 0.5
LOOK_AGAIN_MAX_S = 60.0
"""So long at most nobody looks at a resource that could not be looked at."""
HELD_REQUEUE_S = 1.0


@dataclass
class Reconciler:
    """Brings resources and their releases together, one look at a time."""

    kube: Kube
    observer: Observer
    guard: Guard
    actions: Actions
    summary: Summary
    attempts: Attempts
    checks: LiveChecks
    claims: Claims
    deletion: Deletion
    ownership: Ownership
    waves: Waves
    told: Told
    rendering: Rendering
    keys: Keys
    retry_base_s: float
    _states: dict[Key, ReleaseState] = field(default_factory=dict)
    _failures: FailureLog = field(default_factory=lambda: FailureLog(logger))
    _looks: Attempts = field(init=False)

    def __post_init__(self) -> None:
        self._looks = Attempts(self.retry_base_s, LOOK_AGAIN_MAX_S)

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
        if raw is None or not is_ours(raw):
            self._forget(key)
            return None
        if FINALIZER not in raw["metadata"].get("finalizers", []):
            await self.kube.apply_finalizer(raw, present=True)
            return 0.0
        if is_deleting(raw) and await self.kube.is_terminating(key.namespace):
            # Its release goes with the namespace, and in namespaced mode our rights there, maybe before us.
            await self.kube.apply_finalizer(raw, present=False)
            self._forget(key)
            return None
        look = await self._observe(key, raw)
        try:
            if await self.keys.provide(look, time.monotonic()):
                look = await self._observe(key, raw)
        except ApiRefused as error:
            return await self.summary.write(replace(look, failure=refused(error)))
        if look.is_asked:
            self.checks.renew(key, look.request)
        if look.renders:
            return await self._render(look)
        await self.rendering.withdraw(look)
        return await self._follow(next_action(look.situation), look)

    async def _render(self, look: Look) -> float | None:
        """Write what somebody else installs, or let the resource go; return as `reconcile` does."""
        if not look.deleting:
            return await self.summary.write(await self.rendering.render(look))
        await self.rendering.finish(look)
        self._forget(look.key)
        return None

    async def _follow(self, action: Action, look: Look) -> float | None:
        """Carry out what was decided, unless what it would break holds it back."""
        if action is Action.RECORD:
            await self.summary.write(replace(look, remediation=look.remedy.record))
            return 0.0
        look = self._refuse(action, look)
        if look.state is not ReleaseState.FOREIGN:
            observed = await self.claims.mark(look.key, look.raw, look.observed, look.memory)
            look = replace(look, observed=observed)
        if action in ONLY_TOLD:
            return await self.summary.write(look)
        if action in (Action.INSTALL, Action.UPGRADE):
            look = await self._judge(look)
            action = action if look.held_back is None else while_held_back(look.situation)
        return await self._attempt(action, look)

    async def _attempt(self, action: Action, look: Look) -> float | None:
        """Take `action`, unless it has to wait: after a failure, for a claim, or for its turn."""
        key, raw = look.key, look.raw
        blocked = self.attempts.blocking(key, look.aim, time.monotonic())
        if action is Action.NOTHING or (blocked is not None and not look.deleting):
            return await self.summary.write(replace(look, failure=look.failure or blocked))
        hold = await self.claims.hold(action, key, raw, look.resource, look.observed)
        if hold is not None and not self.deletion.is_overdue(raw):
            requeue_s = await self.summary.write(replace(look, failure=hold.failure))
            return requeue_s if hold.failure else min(requeue_s, HELD_REQUEUE_S)
        is_wave = self.waves.is_wave(key, raw, look.state, look.wanted_digest) and not look.has_new_values
        if action is Action.UPGRADE and is_wave:
            turn = await self.waves.turn(key, raw)
            if not turn.has_come:
                requeue_s = await self.summary.write(replace(look, held=turn.message))
                return min(requeue_s, turn.wait_s)
            if turn.message:
                await self.kube.record_event(raw, Reason.WAVE_WENT_ON, turn.message, warning=True)
        return await self._act(action, look, blocked)

    def _refuse(self, action: Action, look: Look) -> Look:
        """Return the look with why the operator touches nothing, where it must not."""
        match action:
            case Action.REFUSE:
                return replace(look, failure=final(ForeignOwner(foreign_message(look))))
            case Action.STAND_BACK:
                refusal = self.ownership.refusal(look.key, look.raw, look.observed.revisions)
                return replace(look, failure=final(refusal))
        return look

    async def _judge(self, look: Look) -> Look:
        """Return the look with what the spec would break."""
        if look.resource is None:
            return look
        judged = await self.guard.judge(
            look.key, look.raw, look.resource, look.observed, look.state, look.memory, look.access
        )
        if not judged.open:
            return replace(look, accepted=judged.accepted)
        await self.claims.protect(look.key, look.observed)
        failure = failure_of(look.key, judged.open)
        return replace(look, failure=failure, held_back=failure)

    async def _observe(self, key: Key, raw: Object) -> Look:
        look = await self.observer.observe(key, raw)
        if self._states.get(key) is not look.state:
            self._states[key] = look.state
            self._count_states()
        return look

    async def _act(self, action: Action, look: Look, blocked: Failure | None) -> float | None:
        """Take `action` and write how it went; return as `reconcile` does."""
        key = look.key
        try:
            is_gone = await self.actions.take(action, look, blocked)
        except OperatorError as error:
            if not error.counted:
                raise
            self._failures.failed(key, str(action), error)
            failure = self.attempts.record_failure(key, look.aim, error, time.monotonic())
            return await self.summary.write(replace(await self._observe(key, look.raw), failure=failure))
        if is_gone:
            self._forget(key)
            return None
        self._failures.succeeded(key, str(action))
        if action is Action.RESTORE:
            self.attempts.forget(key)
            return 0.0
        if action is Action.FINISH_DELETION or blocked is not None:
            return await self.summary.write(replace(look, failure=blocked))
        self.attempts.forget(key)
        if action is Action.ROLL_BACK:
            return 0.0
        requeue_s = await self.summary.write(await self._observe(key, look.raw))
        return requeue_s if action in (Action.INSTALL, Action.UPGRADE) else 0.0

    def forget_where(self, which: Callable[[Key], bool]) -> None:
        """Forget what was seen of such resources, because another operator acts on them now."""
        for key in [key for key in self._states if which(key)]:
            self._forget_seen(key)

    def _forget(self, key: Key) -> None:
        """Forget a resource that is gone."""
        self.told.forget(key)
        self._forget_seen(key)

    def _forget_seen(self, key: Key) -> None:
        self.attempts.forget(key)
        self._failures.forget(key)
        self._looks.forget(key)
        self.summary.forget(key)
        self.deletion.forget(key)
        self.ownership.forget(key)
        self.keys.forget(key)
        self.observer.profiles.forget(key)
        self.observer.sources.forget(key)
        self._states.pop(key, None)
        self._count_states()

    def _count_states(self) -> None:
        counts = Counter(self._states.values())
        for state in ReleaseState:
            RELEASES.labels(state=str(state)).set(counts[state])
