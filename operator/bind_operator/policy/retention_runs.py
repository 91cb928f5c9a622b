"""The pods that remove old backups tell what came of it; this becomes the status, and what is said of it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bind_operator.api.retention import RetentionStatus
from bind_operator.policy.diagnosis import CONFIG_REASONS, IMAGE_REASONS
from bind_operator.policy.objects import COMPONENT_LABEL, Object
from bind_operator.policy.retention_report import MAX_FAULT

COMPONENT = "retention"
"""Pods of the release's CronJob bear it."""


@dataclass(frozen=True)
class Run:
    """It is what one pod tells."""

    time: str
    """When it ended, else was created, RFC 3339."""
    kept: int | None = None
    oldest: str | None = None
    removed: tuple[str, ...] = ()
    failure: str | None = None


def is_of_retention(pod: Object) -> bool:
    """Return whether a pod of a release is there to remove backups, and is none of its workloads."""
    return bool(pod["metadata"].get("labels", {}).get(COMPONENT_LABEL) == COMPONENT)


def latest_run(pods: Sequence[Object]) -> Run | None:
    """Return what the youngest pod tells that tells anything; None for none."""
    runs = [run for pod in sorted(pods, key=_created, reverse=True) if (run := _read(pod)) is not None]
    return runs[0] if runs else None


def take_run(status: RetentionStatus | None, run: Run | None) -> RetentionStatus | None:
    """Return what the status says after `run`; what is known stays when the pod that told it is gone."""
    if run is None or (status is not None and run.time < status.last_run_time):
        return status
    before = status or RetentionStatus(last_run_time=run.time)
    change: dict[str, Any] = {"last_run_time": run.time, "failure": run.failure}
    if run.kept is not None:
        change |= {"kept": run.kept, "oldest": run.oldest}
    if run.removed:
        change |= {"last_removed": list(run.removed), "last_removed_time": run.time}
    return before.model_copy(update=change)


def words_of(status: RetentionStatus | None) -> str:
    """Return what is said beside the last backup, "" for nothing."""
    if status is None:
        return ""
    if status.failure:
        return f"; old ones are not removed: {status.failure}"
    if status.kept is None:
        return ""
    return f"; {status.kept} are kept" + (f", the oldest of {status.oldest}" if status.oldest else "")


def removed_words(status: RetentionStatus) -> str:
    """Return the message of the event that backups were removed."""
    return f"removed {', '.join(status.last_removed)}{words_of(status)}"


def _read(pod: Object) -> Run | None:
    created = _created(pod)
    conditions = pod.get("status", {}).get("conditions", [])
    for one in conditions:
        if one["type"] == "PodScheduled" and one["status"] == "False":
            return Run(created, failure=f"its pod has no node: {one.get('message', one.get('reason', ''))}")
    state: Mapping[str, Any] = next(
        (one.get("state", {}) for one in pod.get("status", {}).get("containerStatuses", [])), {}
    )
    waiting, ended = state.get("waiting", {}), state.get("terminated")
    if waiting.get("reason") in (*IMAGE_REASONS, *CONFIG_REASONS):
        said = f"{waiting['reason']}: {waiting.get('message', '')}".rstrip(": ")
        return Run(created, failure=f"its pod does not start: {said[:MAX_FAULT]}")
    if ended is None:
        return None
    return _read_words(ended.get("finishedAt") or created, ended)


def _read_words(time: str, ended: Mapping[str, Any]) -> Run:
    try:
        words = json.loads(ended.get("message", ""))
    except ValueError:
        words = None
    if not isinstance(words, dict):
        said = ended.get("message") or ended.get("reason") or "it said nothing"
        return Run(time, failure=f"exit status {ended.get('exitCode')}: {said[:MAX_FAULT]}")
    kept, oldest, removed = words.get("kept"), words.get("oldest"), words.get("removed")
    return Run(
        time,
        kept if isinstance(kept, int) else None,
        oldest if isinstance(oldest, str) else None,
        tuple(map(str, removed)) if isinstance(removed, list) else (),
        str(words.get("fault") or "")[:MAX_FAULT] or None,
    )


def _created(pod: Object) -> str:
    return str(pod["metadata"].get("creationTimestamp", ""))
