"""Backups run beside the reconciler, as the live checks do: a look takes the news and starts what is due.

What is asked of Weaviate is one step, and the status has all that the next one needs: nothing can be lost.
"""

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bind_operator.api.backup import Backup
from bind_operator.api.backup_status import BackupStatus
from bind_operator.api.retention import RetentionStatus
from bind_operator.cluster.backups import begin_backup, follow_backup
from bind_operator.cluster.kube import Kube
from bind_operator.cluster.operator_keys import OperatorKeys
from bind_operator.cluster.weaviate_api import Weaviate, WeaviateApi
from bind_operator.errors import ApiUnavailable
from bind_operator.policy.backup import (
    Delayed,
    News,
    Run,
    due_run,
    judge_backup,
    overdue_seconds,
    plan_ahead,
    read_backup,
    seconds_to_next,
    take_news,
)
from bind_operator.policy.check_schedule import backoff_s
from bind_operator.policy.copies import Finding
from bind_operator.policy.facts import Key
from bind_operator.policy.names import rest_url
from bind_operator.policy.objects import backup_request_of
from bind_operator.policy.retention_runs import latest_run, removed_words, take_run
from bind_operator.policy.state import ReleaseState
from bind_operator.reasons import Reason
from bind_operator.reconcile.look import Look

logger = logging.getLogger(__name__)

MAX_STEPS = 16
"""So many Weaviates are asked at once."""
FOLLOW_S = 2.0
FOLLOW_MAX_S = 15.0
"""A backup that runs is asked after so often: at first soon, since small ones take a second."""
ANSWERING = (ReleaseState.IN_SYNC, ReleaseState.OUT_OF_SYNC, ReleaseState.DRIFTED)
"""In these a Weaviate runs that was released, though maybe not as the spec has it now."""


@dataclass(frozen=True)
class BackupFound:
    """It is what a look finds of backups."""

    status: BackupStatus
    verdict: Finding
    wait_s: float
    """In so many seconds it should be looked at again."""


@dataclass
class Steps:
    """It asks one thing at a time of each resource's Weaviate, keeps the answer, and wakes the resource."""

    api: WeaviateApi
    keys: OperatorKeys
    wake: Callable[[Key], None]
    _tasks: dict[Key, asyncio.Task[None]] = field(default_factory=dict)
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MAX_STEPS))

    def is_busy(self, key: Key) -> bool:
        """Return whether a question is under way."""
        return key in self._tasks

    def start(self, look: Look, question: Callable[[Weaviate], Awaitable[None]]) -> None:
        """Ask, beside the caller; `question` keeps the answer itself."""
        has_user = look.access is not None and look.access.has_operator
        self._tasks[look.key] = asyncio.create_task(self._run(look.key, question, has_user=has_user))

    async def _run(
        self, key: Key, question: Callable[[Weaviate], Awaitable[None]], *, has_user: bool
    ) -> None:
        try:
            api_key = await self.keys.key_for(key) if has_user else None
            async with self._slots, self.api.open(rest_url(key.name, key.namespace), api_key) as weaviate:
                await question(weaviate)
        except ApiUnavailable as error:
            logger.info("not asked", extra={"bindvectorizer": str(key), "error": str(error)})
        except Exception:
            # A bug must not end the backups of a resource without a word.
            logger.exception("bug in a step of a backup", extra={"bindvectorizer": str(key)})
        self._tasks.pop(key, None)
        self.wake(key)

    def forget(self, key: Key) -> None:
        """End what is under way."""
        if (task := self._tasks.pop(key, None)) is not None:
            task.cancel()

    async def close(self) -> None:
        """End all that is under way."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@dataclass
class Backups:
    """It begins backups at their time, never two at once, and follows them to their end."""

    kube: Kube
    steps: Steps
    _news: dict[Key, News] = field(default_factory=dict)
    _tries: dict[Key, tuple[int, float]] = field(default_factory=dict)
    """So many steps in a row brought nothing, and the next is due then (monotonic)."""

    def look(self, look: Look, *, is_held: bool) -> BackupFound | None:
        """Return what is found of the backups of a resource, and start what is due; None where it has none.

        is_held: none begins, because what is to be backed up is not there yet.
        """
        before, spec = look.raw.get("status", {}), _spec_of(look)
        if spec is None:
            self._tries.pop(look.key, None)
            # What is known outlives a spec that cannot be read for a while.
            is_kept = look.resource is None and "backup" in before and not look.deleting
            kept = read_backup(before)
            return BackupFound(kept, judge_backup(kept, suspended=True), math.inf) if is_kept else None
        now = self.kube.clock.now()
        status = plan_ahead(read_backup(before), spec, now)
        if (news := self._news.pop(look.key, None)) is not None:
            status = plan_ahead(take_news(status, news, now), spec, now)
        pruned = take_run(status.retention, latest_run(look.observed.retention_pods))
        status = status.model_copy(update={"retention": pruned if spec.retention else None})
        uid, request = look.raw["metadata"]["uid"], backup_request_of(look.raw)
        is_off = look.suspended or is_held
        run = None if is_off else due_run(look.key, uid, spec, status, request, now)
        has_work = run is not None or status.running is not None
        if not has_work:
            self._tries.pop(look.key, None)
        elif can_ask(look):
            self._step(look, spec, status, run)
        suspended = spec.suspend or look.suspended
        verdict = judge_backup(status, suspended=suspended, overdue_s=overdue_seconds(run, now))
        planned = seconds_to_next(status, now)
        wait_s = math.inf if planned is None or is_off else planned + 0.05
        if has_work and can_ask(look) and not self.steps.is_busy(look.key):
            wait_s = min(wait_s, max(0.1, self._tries.get(look.key, (0, 0.0))[1] - time.monotonic()))
        return BackupFound(status, verdict, wait_s)

    async def tell(self, look: Look, found: BackupFound | None) -> None:
        """Record an event for a backup that has ended since the status was written last."""
        if found is None:
            return
        before, now = read_backup(look.raw.get("status", {})), found.status
        if now.last_failure and now.last_failure != before.last_failure:
            message = f"backup {now.last_failure.id} failed: {now.last_failure.message}"
            await self.kube.record_event(look.raw, Reason.BACKUP_FAILED, message, warning=True)
        if now.last_success and now.last_success != before.last_success:
            good = now.last_success
            took = f" in {good.duration_seconds} s" if good.duration_seconds is not None else ""
            message = f"backup {good.id} was finished{took}"
            await self.kube.record_event(look.raw, Reason.BACKUP_SUCCEEDED, message, warning=False)
        await self._tell_retention(look, before.retention, now.retention)

    async def _tell_retention(
        self, look: Look, before: RetentionStatus | None, now: RetentionStatus | None
    ) -> None:
        if now is None:
            return
        if now.last_removed_time and now.last_removed_time != (before and before.last_removed_time):
            message = removed_words(now)
            await self.kube.record_event(look.raw, Reason.BACKUPS_REMOVED, message, warning=False)
        if now.failure and now.failure != (before and before.failure):
            message = f"old backups are not removed: {now.failure}"
            await self.kube.record_event(look.raw, Reason.RETENTION_FAILED, message, warning=True)

    def forget(self, key: Key) -> None:
        """Forget a resource that is gone."""
        self._news.pop(key, None)
        self._tries.pop(key, None)

    def _step(self, look: Look, spec: Backup, status: BackupStatus, run: Run | None) -> None:
        """Ask what is due now: how the one that runs stands, else to begin the next."""
        key = look.key
        tries, due_at = self._tries.get(key, (0, 0.0))
        if self.steps.is_busy(key) or time.monotonic() < due_at:
            return
        # Before it is asked, so that a bug there is no loop without a pause.
        self._tries[key] = (tries + 1, time.monotonic() + FOLLOW_MAX_S)

        async def ask(weaviate: Weaviate) -> None:
            news: News | None = None
            if status.running is not None:
                news = await follow_backup(weaviate, spec.backend, status.running.id)
            if news is None and run is not None:
                # One whose end Weaviate never tells must not keep all others from beginning; Weaviate itself
                # refuses a second while one runs.
                begun = await begin_backup(weaviate, spec, run)
                news = None if status.running and isinstance(begun, Delayed) else begun
            self._note(key, news)

        self.steps.start(look, ask)

    def _note(self, key: Key, news: News | None) -> None:
        """Keep the news for the next look, and say when to ask again."""
        if news is not None:
            self._news[key] = news
        is_delayed = news is None or isinstance(news, Delayed)
        tries = self._tries.get(key, (1, 0.0))[0] if is_delayed else 0
        wait_s = min(backoff_s(tries) * FOLLOW_S, FOLLOW_MAX_S) if tries else 0.5
        self._tries[key] = (tries, time.monotonic() + wait_s)


def can_ask(look: Look) -> bool:
    """Return whether Weaviate of the resource runs, and it is this operator's to ask."""
    weaviate = look.observed.weaviate
    is_up = weaviate is not None and weaviate.ready > 0 and weaviate.is_rolled_out
    return look.state in ANSWERING and is_up and not look.deleting


def _spec_of(look: Look) -> Backup | None:
    is_gone = look.resource is None or look.deleting or look.state is ReleaseState.FOREIGN
    return None if is_gone or look.resource is None else look.resource.spec.weaviate.backup
