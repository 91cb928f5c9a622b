"""It is decided which backups in a place are removed, by what lies there and the time; nothing is asked.

A backup is kept while any rule keeps it. The youngest good one is never removed, nor one that is being made
or restored from, nor one that another builds on: what cannot be told apart from these stays.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

GOOD = "SUCCESS"
ENDED = ("SUCCESS", "FAILED", "CANCELED")
ABANDONED_S = 86400.0
"""So long after its last object was written, what is no good backup is taken for one that will never be.

Weaviate gives an upload 24 hours itself, and writes an object at least each time that a part is full.
"""
_SECONDS = {"h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}
_OWN = r"(\d{8}t\d{6}z|now-[0-9a-f]{10})"
"""So end the ids that `policy/backup.py` gives."""


@dataclass(frozen=True)
class Rule:
    """It keeps the last so many good backups, and all good ones that are younger than so many seconds."""

    keep_last: int | None = None
    keep_for_s: float | None = None


@dataclass(frozen=True)
class StoredBackup:
    """It is what lies in the place of one backup. Times are seconds of the epoch."""

    id: str
    status: str | None
    """Weaviate's word for how it stands; None where nothing says so."""
    time: float
    """When it was finished, else begun, else last written."""
    written: float
    """When its last object was written."""
    is_restored_from: bool = False
    """A restore of it has begun and has not ended."""
    base: str | None = None
    """The backup that it builds on: an incremental one holds only what is new."""


@dataclass(frozen=True)
class Removal:
    """It is a backup that goes, and why."""

    id: str
    why: str


def read_period(text: str) -> float:
    """Return the seconds of a period such as 30d, as the rules of the API take it."""
    return int(text[:-1]) * _SECONDS[text[-1]]


def own_ids(names: Iterable[str], prefix: str) -> list[str]:
    """Return which folders hold backups that were named for the resource whose ids begin with `prefix`."""
    pattern = re.compile(re.escape(prefix) + _OWN)
    return sorted(name for name in names if pattern.fullmatch(name))


def is_under_way(status: str | None, written: float, now: float) -> bool:
    """Return whether a backup, or a restore, still goes on: Weaviate may have died over it."""
    return status is not None and status not in ENDED and now - written < ABANDONED_S


def judge(
    backups: Sequence[StoredBackup], rule: Rule, now: float, bases: Iterable[str] = ()
) -> list[Removal]:
    """Return what is removed, oldest first.

    backups: all of one resource. bases: the ids that any backup in the place builds on.
    """
    if rule.keep_last is None and rule.keep_for_s is None:
        return []
    good = sorted((one for one in backups if one.status == GOOD), key=_age_order, reverse=True)
    held = {*bases, *(one.base for one in backups)} | {one.id for one in backups if one.is_restored_from}
    found = [
        (one, f"a good one of {len(good)}, past what the rules keep")
        for place, one in enumerate(good)
        if not _is_kept(one, place, rule, now)
    ]
    found += [
        (one, f"no good one ({one.status or 'nothing says how it stands'})")
        for one in backups
        if one.status != GOOD and now - one.written >= ABANDONED_S
    ]
    found.sort(key=lambda pair: _age_order(pair[0]))
    return [Removal(one.id, why) for one, why in found if one.id not in held]


def _is_kept(one: StoredBackup, place: int, rule: Rule, now: float) -> bool:
    """Return whether a good backup stays. place: so many good ones are younger."""
    is_young = rule.keep_for_s is not None and now - one.time < rule.keep_for_s
    return place < max(1, rule.keep_last or 0) or is_young


def _age_order(one: StoredBackup) -> tuple[float, str]:
    return one.time, one.id
