"""Weaviate's answers about backups become words and numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any

from bind_operator.policy.answers import Answer, quote

GIBIBYTE = 2**30
MODULE_ABSENT = "did you enable the right module"
BUSY = "already in progress"
NOTHING_THERE = "no available classes to backup"
ENDED = {"SUCCESS", "FAILED", "CANCELED"}
CREDENTIALS = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


@dataclass(frozen=True)
class Process:
    """It is how a backup or a restore stands, as Weaviate tells it."""

    status: str
    error: str = ""
    completed: str | None = None
    """RFC 3339."""
    duration_s: int | None = None
    size_bytes: int | None = None

    @property
    def has_ended(self) -> bool:
        """Return whether Weaviate does no more about it."""
        return self.status in ENDED


def read_process(body: Any) -> Process | None:
    """Return how it stands; None if the body does not tell."""
    if not isinstance(body, Mapping) or not isinstance(body.get("status"), str):
        return None
    started, completed = _time(body.get("startedAt")), _time(body.get("completedAt"))
    size = body.get("size")
    return Process(
        status=body["status"],
        error=quote(body.get("error") or ""),
        completed=_whole_seconds(completed) if completed else None,
        duration_s=_between(started, completed),
        size_bytes=round(size * GIBIBYTE) if isinstance(size, int | float) and size > 0 else None,
    )


def words_of(answer: Answer) -> str:
    """Return what Weaviate says about a request that it refused, in its own words."""
    body = answer.body
    errors = body.get("error") if isinstance(body, Mapping) else None
    if isinstance(errors, list):
        said = "; ".join(str(one.get("message", "")) for one in errors if isinstance(one, Mapping))
    else:
        said = str(errors or (body.get("message", "") if isinstance(body, Mapping) else "") or answer.text)
    words = quote_long(said)
    if answer.status in CREDENTIALS:
        return (
            f"Weaviate takes no key of the operator (status {answer.status}: {words}). It has one where it "
            "makes the Secret of Weaviate's keys itself, and its chart gives it one of its own: remove "
            "spec.weaviate.authentication.apiKeys.secretName or apiKeys.enabled: false, or delete a Secret "
            "that was made before; or let a client with a key ask Weaviate for backups"
        )
    return words or f"status {answer.status}"


def quote_long(text: str, most: int = 600) -> str:
    """Return a message on one line, cut where it is longer than `most`: S3's begin after Weaviate's own."""
    words = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return words if len(words) <= most else f"{words[: most - 1]}…"


def latest_good(body: Any, prefix: str) -> str | None:
    """Return the id of the youngest good backup whose id begins so, of a list of backups; None for none."""
    items = [one for one in body if isinstance(one, Mapping)] if isinstance(body, list) else []
    good = [
        (str(one.get("startedAt") or ""), str(one["id"]))
        for one in items
        if one.get("status") == "SUCCESS" and str(one.get("id", "")).startswith(prefix)
    ]
    return max(good)[1] if good else None


def _time(value: Any) -> datetime | None:
    """Return a time; None for none, which Go writes as the year 1."""
    try:
        time = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return time if time.year > 1 else None


def _whole_seconds(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def _between(started: datetime | None, completed: datetime | None) -> int | None:
    return round((completed - started).total_seconds()) if started and completed else None
