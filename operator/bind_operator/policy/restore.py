"""A new resource begins with a backup: how far that has come, and what is told of it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import ValidationError

from bind_operator.api.backup import LATEST, RestoreFrom
from bind_operator.api.backup_status import RestorePhase, RestoreStatus
from bind_operator.policy.backup import id_prefix
from bind_operator.policy.copies import Finding
from bind_operator.policy.facts import Component, Key
from bind_operator.policy.names import workload_name
from bind_operator.reasons import Reason

FINAL: tuple[RestorePhase, ...] = ("Restored", "Failed")
NOT_BEGUN: tuple[RestorePhase, ...] = ("Waiting", "Refused")
PARTS = 3
MAX_NAMED = 10
RENAMES_FROM = (1, 36)
"""1.35.2 restores the files under another node's name, and then says `no read replica found`."""
_VERSION = re.compile(r"^(\d+)\.(\d+)\.")


@dataclass(frozen=True)
class Advanced:
    """The restore has come to another phase."""

    phase: RestorePhase
    id: str | None = None
    message: str = ""
    objects: Mapping[str, int] | None = None


@dataclass(frozen=True)
class Postponed:
    """Nothing is known yet, and it is asked again."""

    message: str


RestoreNews = Advanced | Postponed


@dataclass(frozen=True)
class CheckedCollection:
    """It is what is found in one restored collection."""

    name: str
    objects: int | None
    """None where each object is some tenant's, or Weaviate does not count; `tenants` has those."""
    finds_itself: bool | None
    """Whether the search by an object's vector finds that object; None without a vector to search by."""
    tenants: Mapping[str, int] = field(default_factory=dict)
    """Objects by tenant, called COLLECTION/TENANT."""
    uncounted: frozenset[str] = frozenset()
    """Tenants that are not active, and what else was not counted."""


def source_of(key: Key, spec: RestoreFrom) -> Key:
    """Return the resource that was backed up."""
    return Key(spec.namespace or key.namespace, spec.name or key.name)


def words_of_source(key: Key, spec: RestoreFrom) -> str:
    """Return what the spec asks for, in words that do not change while it does not."""
    return f"the latest of {source_of(key, spec)}" if spec.id == LATEST else spec.id


def source_of_id(id_: str) -> Key | None:
    """Return the resource that a backup is of, by its id; None if the operator did not name it."""
    parts = id_.split("_", PARTS - 1)
    return Key(parts[0], parts[1]) if len(parts) == PARTS else None


def latest_prefix(key: Key, spec: RestoreFrom) -> str:
    """Return how the ids begin among which the latest is looked for."""
    return id_prefix(source_of(key, spec))


def node_mapping(id_: str, key: Key, replicas: int) -> dict[str, str]:
    """Return the names of the nodes of `key` by those in the backup, which are the names of its pods."""
    source = source_of_id(id_)
    if source is None or source.name == key.name:
        return {}
    old, new = workload_name(source.name, Component.WEAVIATE), workload_name(key.name, Component.WEAVIATE)
    return {f"{old}-{number}": f"{new}-{number}" for number in range(replicas)}


def held_to_version(news: RestoreNews, version: str, key: Key) -> RestoreNews:
    """Return `news`, or the refusal of the backup that was chosen where Weaviate is too old for it."""
    if not isinstance(news, Advanced) or news.phase != "Starting" or news.id is None:
        return news
    why = judge_version(version, news.id, key)
    return Advanced("Refused", news.id, why) if why else news


def judge_version(version: str, id_: str, key: Key) -> str:
    """Return why a Weaviate of that version cannot restore the backup into `key`; "" where it can."""
    source, found = source_of_id(id_), _VERSION.match(version)
    is_old = found is not None and tuple(map(int, found.groups())) < RENAMES_FROM
    if not is_old or source is None or source.name == key.name:
        return ""
    return (
        f"Weaviate {version} finds no object of a backup that it restores under other names of its pods; set "
        f"spec.weaviate.version to {'.'.join(map(str, RENAMES_FROM))}.0 or newer, or restore into a resource "
        f"of the name {source.name}, perhaps in another namespace"
    )


def read_restore(status: Mapping[str, Any]) -> RestoreStatus | None:
    """Return what a status says of the restore; None if nothing, or nothing that can be read."""
    try:
        return RestoreStatus.model_validate(status.get("restore"))
    except ValidationError:
        return None


def take_restore_news(status: RestoreStatus, news: Advanced, now: str) -> RestoreStatus:
    """Return what the status says after `news`."""
    change: dict[str, Any] = {"phase": news.phase, "message": news.message}
    if news.id is not None:
        change["id"] = news.id
    if news.objects is not None:
        change["objects"] = dict(news.objects)
    if news.phase == "Starting":
        change["started_time"] = now
    if news.phase in FINAL:
        change["completed_time"] = now
    return status.model_copy(update=change)


def judge_check(checked: list[CheckedCollection], expected: Mapping[str, int] | None) -> Advanced:
    """Return how a restore has ended by what is found in its collections.

    expected: the objects that there were when the backup was made; None where that is not known.
    """
    objects = {one.name: one.objects for one in checked if one.objects is not None}
    objects |= {name: count for one in checked for name, count in one.tenants.items()}
    uncounted = {name for one in checked for name in one.uncounted}
    faults = [
        f"{name} has {objects.get(name, 0)} objects instead of {count}"
        for name, count in sorted((expected or {}).items())
        if objects.get(name, 0) != count and name not in uncounted
    ]
    faults += [
        f"the search by the vector of an object of {one.name} does not find it"
        for one in checked
        if one.finds_itself is False
    ]
    if not checked:
        faults.append("Weaviate holds no collection")
    if faults:
        return Advanced("Failed", message="; ".join(faults[:MAX_NAMED]), objects=objects)
    held = (
        "as many as when the backup was made" if expected is not None else "what the backup had is not known"
    )
    found = sum(one.finds_itself is True for one in checked)
    message = (
        f"{sum(objects.values())} objects in {len(checked)} collections, {held}; in {found} of them the "
        "search by the vector of an object finds it"
    )
    if uncounted:
        message += f"; {len(uncounted)} tenants were not counted: they are not active, or there are too many"
    return Advanced("Restored", message=message, objects=objects)


def judge_restore(status: RestoreStatus, wanted: str | None) -> Finding:
    """Return what the condition Restored says. wanted: what the spec asks for now; None for nothing."""
    what = f"backup {status.id}" if status.id else status.source
    later = "; restoreFrom is another one now, which changes nothing: a restore is done once"
    note = later if status.phase in FINAL and wanted not in (None, status.source) else ""
    verdicts: Mapping[str, tuple[Literal[True, False] | None, Reason, str]] = {
        "Restored": (True, Reason.RESTORED, f"{what} is restored: {status.message}"),
        "Failed": (False, Reason.RESTORE_FAILED, f"{what} is not restored as it should be: {status.message}"),
        "Refused": (False, Reason.RESTORE_REFUSED, f"{what} is not restored: {status.message}"),
    }
    under_way = (None, Reason.RESTORING, f"{what} is being restored ({status.phase}){_of(status.message)}")
    held, reason, message = verdicts.get(status.phase, under_way)
    return Finding(held, reason, message + note)


def _of(message: str) -> str:
    return f": {message}" if message else ""
