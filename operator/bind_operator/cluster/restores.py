"""Weaviate is told to restore a backup, and what it holds afterwards is looked at."""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from bind_operator.api.backup import LATEST, Backup, RestoreFrom
from bind_operator.cluster.weaviate_api import Objects, Tenants, Weaviate, has_tenants, tenant_key
from bind_operator.policy.answers import Answer
from bind_operator.policy.facts import Key
from bind_operator.policy.restore import (
    Advanced,
    CheckedCollection,
    Postponed,
    RestoreNews,
    latest_prefix,
    node_mapping,
    source_of,
)
from bind_operator.policy.weaviate_answers import BUSY, MODULE_ABSENT, latest_good, read_process, words_of

MAX_NAMED = 5


async def choose_backup(weaviate: Weaviate, key: Key, backup: Backup, spec: RestoreFrom) -> RestoreNews:
    """Return which backup is restored, or why none is."""
    collections = await weaviate.collections()
    if collections is None:
        answer = await weaviate.ask("GET", "schema")
        return Postponed("") if answer.status == HTTPStatus.OK else _refused(answer)
    if collections:
        return Advanced("Refused", message=_filled(sorted(collections)))
    if spec.id != LATEST:
        return await _look_at(weaviate, backup, spec.id)
    answer = await weaviate.ask("GET", f"backups/{backup.backend}")
    if answer.status != HTTPStatus.OK:
        return _refused(answer)
    found = latest_good(answer.body, latest_prefix(key, spec))
    if found is not None:
        return Advanced("Starting", found)
    message = (
        f"there is no good backup of {source_of(key, spec)} in the place that spec.weaviate.backup names; "
        "set restoreFrom.name and restoreFrom.namespace to the resource that was backed up, or restoreFrom.id"
    )
    return Advanced("Refused", message=message)


async def start_restore(weaviate: Weaviate, key: Key, backup: Backup, id_: str, replicas: int) -> RestoreNews:
    """Begin to restore, unless Weaviate has begun already, for an operator that ended right then."""
    path = f"backups/{backup.backend}/{id_}/restore"
    if await weaviate.collections():
        # Weaviate was empty when this backup was chosen.
        process = read_process((await weaviate.ask("GET", path)).body)
        if process is not None and process.status == "SUCCESS":
            return Advanced("Checking")
    body: dict[str, Any] = {"config": {"CPUPercentage": backup.cpu_percentage}}
    mapping = node_mapping(id_, key, replicas)
    answer = await weaviate.ask("POST", path, body | ({"node_mapping": mapping} if mapping else {}))
    if answer.status == HTTPStatus.OK or BUSY in words_of(answer):
        return Advanced("Restoring")
    return _refused(answer)


async def follow_restore(weaviate: Weaviate, backend: str, id_: str) -> RestoreNews:
    """Return how the restore stands."""
    answer = await weaviate.ask("GET", f"backups/{backend}/{id_}/restore")
    process = read_process(answer.body) if answer.status == HTTPStatus.OK else None
    if process is None:
        return Postponed(words_of(answer))
    if not process.has_ended:
        return Postponed("")
    if process.status == "SUCCESS":
        return Advanced("Checking")
    words = process.error or f"Weaviate says {process.status}"
    remedy = "delete this resource with its volumes, and create it again"
    return Advanced("Failed", message=f"{words}; {remedy}")


async def look_into(weaviate: Weaviate) -> list[CheckedCollection] | None:
    """Return what is in each collection; None if Weaviate does not tell."""
    collections, counts = await weaviate.collections(), await weaviate.count()
    if collections is None or counts is None:
        return None
    checked = []
    for name, one in sorted(collections.items()):
        if not has_tenants(one):
            checked.append(CheckedCollection(name, counts.get(name), await _finds_itself(weaviate, name)))
        elif (tenants := await weaviate.tenants(name)) is not None:
            checked.append(await _look_into_tenants(weaviate, name, tenants, counts))
        else:
            return None
    return checked


async def _look_into_tenants(
    weaviate: Weaviate, name: str, tenants: Tenants, counts: Objects
) -> CheckedCollection:
    """Return what the tenants of a collection hold; one that has an object is searched in."""
    keys = {one: tenant_key(name, one) for one in tenants.counted}
    filled = next((one for one, key in keys.items() if counts.get(key)), None)
    finds = await _finds_itself(weaviate, name, filled) if filled is not None else None
    found = {key: counts[key] for key in keys.values() if key in counts}
    return CheckedCollection(name, None, finds, found, frozenset(tenant_key(name, o) for o in tenants.others))


async def _look_at(weaviate: Weaviate, backup: Backup, id_: str) -> RestoreNews:
    answer = await weaviate.ask("GET", f"backups/{backup.backend}/{id_}")
    if answer.status == HTTPStatus.NOT_FOUND:
        message = (
            f"it is not in the place that spec.weaviate.backup names ({words_of(answer)}); correct "
            "restoreFrom.id, or the place"
        )
        return Advanced("Refused", id_, message)
    process = read_process(answer.body) if answer.status == HTTPStatus.OK else None
    if process is None:
        return _refused(answer, id_)
    if process.status != "SUCCESS":
        message = f"it is no good backup: Weaviate says {process.status}; choose another in restoreFrom.id"
        return Advanced("Refused", id_, message)
    return Advanced("Starting", id_)


async def _finds_itself(weaviate: Weaviate, collection: str, tenant: str | None = None) -> bool | None:
    """Return whether the search by an object's vector finds it first; None without such a vector."""
    of_tenant = f"&tenant={quote(tenant)}" if tenant is not None else ""
    answer = await weaviate.ask("GET", f"objects?class={collection}&limit=1&include=vector{of_tenant}")
    objects = answer.body.get("objects") if isinstance(answer.body, Mapping) else None
    if not objects:
        return None
    first = objects[0]
    vectors = {"": first.get("vector")} | dict(first.get("vectors") or {})
    name, vector = next(((name, one) for name, one in vectors.items() if one), ("", None))
    if not isinstance(vector, Sequence) or not vector or not isinstance(vector[0], int | float):
        return None
    target = f", targetVectors: [{json.dumps(name)}]" if name else ""
    within = f"tenant: {json.dumps(tenant)}, " if tenant is not None else ""
    # Copies of an object have the same vector, and may come before it.
    query = f"{within}nearVector: {{vector: {json.dumps(vector)}{target}}}, limit: 10"
    data = await weaviate.query(f"{{ Get {{ {collection}({query}) {{ _additional {{ id distance }} }} }} }}")
    found = ((data or {}).get("Get") or {}).get(collection) or []
    nearest = [one["_additional"]["distance"] for one in found]
    mine = [one["_additional"]["distance"] for one in found if one["_additional"]["id"] == first["id"]]
    return bool(mine) and mine[0] <= min(nearest) + 1e-4


def _refused(answer: Answer, id_: str | None = None) -> RestoreNews:
    words = words_of(answer)
    if answer.fault is not None or MODULE_ABSENT in words:
        return Postponed(words)
    return Advanced("Refused", id_, words)


def _filled(names: Sequence[str]) -> str:
    shown = ", ".join(names[:MAX_NAMED]) + (" …" if len(names) > MAX_NAMED else "")
    return (
        f"Weaviate holds collections already ({shown}), and a backup is restored into an empty one only; "
        "remove spec.weaviate.restoreFrom, delete the collections, or restore into a resource of another name"
    )
