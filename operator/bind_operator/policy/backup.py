"""It is decided when a backup is due, what it is called, and what becomes of its news.

All that has to outlive an operator is in the status; what it lacks is found again by the id, which carries
the time of the schedule, or the request, that it is for.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cronsim import CronSim
from pydantic import ValidationError

from bind_operator.api.backup import Backup
from bind_operator.api.backup_status import BackupStatus, FailedBackup, GoodBackup, RunningBackup
from bind_operator.policy.copies import Finding
from bind_operator.policy.facts import Key
from bind_operator.policy.retention_runs import words_of
from bind_operator.policy.weaviate_answers import Process
from bind_operator.reasons import Reason

OVERDUE_S = 3600.0
"""So long after its time a backup that could not be begun is told as a fault."""
REQUEST_DIGITS = 10
FORMAT = "%Y-%m-%dT%H:%M:%SZ"
NEVER_TOLD = (
    "Weaviate no longer works on it and has not told its end; it may have lost the place, or restarted"
)
EMPTY = "there are no collections yet, so there is nothing to back up"


@dataclass(frozen=True)
class Run:
    """It is one backup that is due."""

    id: str
    scheduled: str | None = None
    """The time of the schedule that it is for, RFC 3339."""
    request: str | None = None
    """The value of the annotation that it is for."""


@dataclass(frozen=True)
class Begun:
    """Weaviate works on it, or has done so before."""

    run: Run
    objects: Mapping[str, int] | None = None


@dataclass(frozen=True)
class Refused:
    """Weaviate does not begin it."""

    run: Run
    message: str


@dataclass(frozen=True)
class Nothing:
    """There is nothing to back up, which is no fault."""

    run: Run


@dataclass(frozen=True)
class Delayed:
    """It could not be begun yet, and is tried again."""

    run: Run
    message: str


@dataclass(frozen=True)
class Ended:
    """A backup that ran has come to its end."""

    id: str
    process: Process
    objects: Mapping[str, int] | None = None


News = Begun | Refused | Nothing | Delayed | Ended


def id_prefix(key: Key) -> str:
    """Return how the ids of the backups of `key` begin. Neither a namespace nor a name has an underscore."""
    return f"{key.namespace}_{key.name}_"


def scheduled_id(key: Key, time: datetime) -> str:
    """Return the id of the backup of a time of the schedule."""
    return f"{id_prefix(key)}{time:%Y%m%dt%H%M%Sz}"


def requested_id(key: Key, uid: str, request: str) -> str:
    """Return the id of the backup that a value of the annotation asks for; the same for the same resource."""
    digest = hashlib.sha256(f"{uid}\0{request}".encode()).hexdigest()[:REQUEST_DIGITS]
    return f"{id_prefix(key)}now-{digest}"


def read_backup(status: Mapping[str, Any]) -> BackupStatus:
    """Return what a status says of backups; nothing where it cannot be read."""
    try:
        return BackupStatus.model_validate(status.get("backup") or {})
    except ValidationError:
        return BackupStatus()


def plan_ahead(status: BackupStatus, spec: Backup, now: float) -> BackupStatus:
    """Return `status` with the time of the next backup. A schedule that is new begins now."""
    since = status.since
    if spec.schedule != status.schedule:
        since = _text(now) if spec.schedule else None
    status = status.model_copy(update={"schedule": spec.schedule, "since": since})
    base = _base(status)
    next_time = None
    if spec.schedule and base is not None and not spec.suspend:
        # What is due and could not be begun is not planned anew.
        next_time = _text(next(CronSim(spec.schedule, max(base, _time(now)))).timestamp())
    return status.model_copy(update={"next_time": next_time})


def due_run(
    key: Key, uid: str, spec: Backup, status: BackupStatus, request: str | None, now: float
) -> Run | None:
    """Return the backup that is due, None for none. Of times that were missed, the last one counts.

    status: as `plan_ahead` returned it.
    """
    if spec.suspend:
        return None
    scheduled = _last_missed(spec.schedule, status, now)
    asks = request is not None and request != status.last_handled_request
    if asks and request is not None:
        # A request that comes when the schedule is due, too, is one backup.
        return Run(requested_id(key, uid, request), _iso(scheduled) if scheduled else None, request)
    return Run(scheduled_id(key, scheduled), _iso(scheduled)) if scheduled else None


def seconds_to_next(status: BackupStatus, now: float) -> float | None:
    """Return in how many seconds the next backup is due; None if none is planned."""
    time = parse_time(status.next_time)
    return None if time is None else max(0.0, time.timestamp() - now)


def take_news(status: BackupStatus, news: News, now: float) -> BackupStatus:
    """Return what the status says after `news`. The same news twice make the same."""
    match news:
        case Begun(run, objects):
            running = RunningBackup(id=run.id, started_time=_text(now), objects=objects and dict(objects))
            lost = status.running if status.running and status.running.id != run.id else None
            change: dict[str, Any] = {"running": running} | _handled(run)
            if lost is not None:
                change["last_failure"] = FailedBackup(id=lost.id, time=_text(now), message=NEVER_TOLD)
            return status.model_copy(update=change)
        case Refused(run, message):
            failure = FailedBackup(id=run.id, time=_text(now), message=message)
            return status.model_copy(update={"last_failure": failure} | _handled(run))
        case Nothing(run):
            return status.model_copy(update=_handled(run) | {"waiting": EMPTY})
        case Delayed(_, message):
            return status.model_copy(update={"waiting": message})
        case Ended():
            return _take_end(status, news, now)
    raise AssertionError(news)


def _take_end(status: BackupStatus, news: Ended, now: float) -> BackupStatus:
    running, process = status.running, news.process
    if running is None or running.id != news.id:
        return status
    time = process.completed or _text(now)
    if process.status != "SUCCESS":
        message = process.error or f"Weaviate says {process.status}"
        failure = FailedBackup(id=news.id, time=time, message=message)
        return status.model_copy(update={"running": None, "last_failure": failure})
    same = running.objects is not None and running.objects == news.objects
    good = GoodBackup(
        id=news.id,
        time=time,
        duration_seconds=process.duration_s,
        size_bytes=process.size_bytes,
        objects=running.objects if same else None,
    )
    return status.model_copy(update={"running": None, "last_success": good})


def _handled(run: Run) -> dict[str, str | None]:
    handled: dict[str, str | None] = {"waiting": None}
    if run.scheduled:
        handled["last_scheduled_time"] = run.scheduled
    if run.request is not None:
        handled["last_handled_request"] = run.request
    return handled


def judge_backup(status: BackupStatus, *, suspended: bool, overdue_s: float = 0.0) -> Finding:
    """Return what the condition BackedUp says.

    suspended: no new backup begins. overdue_s: so long ago a backup that has not begun was due.
    """
    good, bad = status.last_success, status.last_failure
    after = "; no new ones begin: suspend is true" if suspended else ""
    if status.next_time:
        after = f"; the next is due at {status.next_time}"
    if status.running:
        after = f"; {status.running.id} is running"
    after += words_of(status.retention)
    if overdue_s >= OVERDUE_S and not status.running:
        why = status.waiting or "Weaviate's pods are not all ready"
        return Finding(False, Reason.BACKUP_OVERDUE, f"a backup that is due cannot begin: {why}")
    if bad is not None and (good is None or good.time < bad.time):
        return Finding(False, Reason.BACKUP_FAILED, f"backup {bad.id} failed: {bad.message}{after}")
    if good is not None:
        return Finding(True, Reason.BACKUP_SUCCEEDED, f"backup {good.id} was finished at {good.time}{after}")
    waits = f": {status.waiting}" if status.waiting else ""
    return Finding(None, Reason.NO_BACKUP_YET, f"there is no backup yet{waits}{after}")


def overdue_seconds(run: Run | None, now: float) -> float:
    """Return how long ago `run` was due by the schedule."""
    time = parse_time(run.scheduled) if run else None
    return max(0.0, now - time.timestamp()) if time else 0.0


def _last_missed(schedule: str | None, status: BackupStatus, now: float) -> datetime | None:
    base = _base(status)
    if schedule is None or base is None or status.schedule != schedule:
        return None
    # A time of the schedule itself is due at once: the last one before the next second.
    found = next(CronSim(schedule, _time(now + 1), reverse=True))
    return found if found > base else None


def _base(status: BackupStatus) -> datetime | None:
    """Return the time after which times of the schedule count."""
    times = [parse_time(status.since), parse_time(status.last_scheduled_time)]
    return max((time for time in times if time is not None), default=None)


def parse_time(text: str | None) -> datetime | None:
    """Return a time as Kubernetes writes it; None for none, or where somebody wrote something else."""
    try:
        time = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return time if time.tzinfo else None


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC)


def _text(seconds: float) -> str:
    return _iso(_time(seconds))


def _iso(time: datetime) -> str:
    return time.strftime(FORMAT)
