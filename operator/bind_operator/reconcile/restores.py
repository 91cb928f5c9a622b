"""A restore goes from phase to phase, each written into the status before the next one begins."""

import logging
import math
import time
from dataclasses import dataclass, field

from bind_operator.api.backup import Backup, RestoreFrom
from bind_operator.api.backup_status import RestoreStatus
from bind_operator.cluster.kube import Kube
from bind_operator.cluster.restores import choose_backup, follow_restore, look_into, start_restore
from bind_operator.cluster.weaviate_api import Objects, Weaviate
from bind_operator.errors import OperatorError
from bind_operator.policy.backup import read_backup
from bind_operator.policy.check_schedule import MAX_WAIT_S, backoff_s
from bind_operator.policy.copies import Finding
from bind_operator.policy.facts import Key
from bind_operator.policy.restore import (
    FINAL,
    NOT_BEGUN,
    Advanced,
    Postponed,
    RestoreNews,
    held_to_version,
    judge_check,
    judge_restore,
    read_restore,
    source_of_id,
    take_restore_news,
    words_of_source,
)
from bind_operator.policy.state import ReleaseState
from bind_operator.reconcile.backups import Steps, can_ask
from bind_operator.reconcile.look import Look

logger = logging.getLogger(__name__)

CHECK_AGAIN_TIMES = 5
"""So often a check that finds something wrong is made again: shards may be loading still."""


WRITTEN_S = 0.1
"""So soon the resource is looked at again after a phase was written."""


@dataclass(frozen=True)
class RestoreFound:
    """It is what a look finds of the restore."""

    status: RestoreStatus
    verdict: Finding
    wait_s: float

    @property
    def is_open(self) -> bool:
        """Return whether it has not come to its end."""
        return self.status.phase not in FINAL

    @property
    def holds_backups(self) -> bool:
        """Return whether Weaviate has not got yet what is to be backed up."""
        return self.is_open and self.status.phase != "Refused"


@dataclass
class Restores:
    """It restores the backup that a resource begins with, once, and looks at what came of it."""

    kube: Kube
    steps: Steps
    _news: dict[Key, Advanced] = field(default_factory=dict)
    _tries: dict[Key, tuple[int, float]] = field(default_factory=dict)

    def look(self, look: Look) -> RestoreFound | None:
        """Return what is found of the restore, and go on with it; None where none was ever asked for."""
        status = read_restore(look.raw.get("status", {}))
        weaviate = look.resource.spec.weaviate if look.resource else None
        spec, backup = (weaviate.restore_from, weaviate.backup) if weaviate else (None, None)
        wanted = words_of_source(look.key, spec) if spec else None
        news = self._news.pop(look.key, None)
        is_off = wanted is None and (status is None or status.phase in NOT_BEGUN)
        if look.state is ReleaseState.FOREIGN or is_off:
            return None
        if status is None or (status.phase in NOT_BEGUN and wanted not in (None, status.source)):
            status = RestoreStatus(source=wanted or "", phase="Waiting")
        if news is not None and status.phase not in FINAL:
            status = take_restore_news(status, news, self.kube.clock.timestamp())
            # The next step is for what the status says, and it does not say this yet.
            return RestoreFound(status, judge_restore(status, wanted), WRITTEN_S)
        found = RestoreFound(status, judge_restore(status, wanted), math.inf)
        if backup is None or not found.is_open or look.suspended or not can_ask(look):
            return found
        self._step(look, status, spec, backup)
        _, due_at = self._tries.get(look.key, (0, 0.0))
        wait_s = math.inf if self.steps.is_busy(look.key) else max(0.1, due_at - time.monotonic())
        return RestoreFound(status, found.verdict, wait_s)

    async def tell(self, look: Look, found: RestoreFound | None) -> None:
        """Record an event when the restore has begun, and when it has come to an end."""
        before = read_restore(look.raw.get("status", {}))
        if found is None:
            return
        if before is not None and _told(before) == _told(found.status):
            return
        verdict = found.verdict
        if found.status.phase in (*FINAL, "Refused", "Starting"):
            warning = verdict.status is False
            await self.kube.record_event(look.raw, verdict.reason, verdict.message, warning=warning)

    def forget(self, key: Key) -> None:
        """Forget a resource that is gone."""
        self._news.pop(key, None)
        self._tries.pop(key, None)

    def _step(self, look: Look, status: RestoreStatus, spec: RestoreFrom | None, backup: Backup) -> None:
        key, resource = look.key, look.resource
        tries, due_at = self._tries.get(key, (0, 0.0))
        if resource is None or self.steps.is_busy(key) or time.monotonic() < due_at:
            return
        # Before it is asked, so that a bug there is no loop without a pause.
        self._tries[key] = (tries + 1, time.monotonic() + MAX_WAIT_S)
        wanted, id_ = resource.spec.weaviate, status.id or ""

        async def ask(weaviate: Weaviate) -> None:
            match status.phase:
                case "Starting":
                    self._note(key, status, await start_restore(weaviate, key, backup, id_, wanted.replicas))
                case "Restoring":
                    self._note(key, status, await follow_restore(weaviate, backup.backend, id_))
                case "Checking":
                    self._note(key, status, await self._check(weaviate, id_, tries))
                case _ if spec is not None:
                    chosen = await choose_backup(weaviate, key, backup, spec)
                    self._note(key, status, held_to_version(chosen, wanted.version, key))

        self.steps.start(look, ask)

    async def _check(self, weaviate: Weaviate, id_: str, tries: int) -> RestoreNews:
        checked = await look_into(weaviate)
        if checked is None:
            return Postponed("Weaviate does not tell what it holds")
        found = judge_check(checked, await self._expected(id_))
        return Postponed(found.message) if found.phase == "Failed" and tries < CHECK_AGAIN_TIMES else found

    async def _expected(self, id_: str) -> Objects | None:
        """Return what the resource that was backed up says of that backup; None if it is not there to say."""
        source = source_of_id(id_)
        if source is None:
            return None
        try:
            raw = await self.kube.read_resource(source)
        except OperatorError:
            # Of a namespace that this operator may not look into.
            return None
        good = read_backup((raw or {}).get("status", {})).last_success
        return good.objects if good is not None and good.id == id_ else None

    def _note(self, key: Key, status: RestoreStatus, news: RestoreNews) -> None:
        is_new = isinstance(news, Advanced) and news.phase != status.phase
        if isinstance(news, Advanced):
            self._news[key] = news
        tries = 0 if is_new else self._tries.get(key, (1, 0.0))[0]
        self._tries[key] = (tries, time.monotonic() + (backoff_s(tries) if tries else 0.2))


def _told(status: RestoreStatus) -> tuple[str, str | None, str]:
    return status.phase, status.id, status.message
