"""The resource says in its own words who may ask Weaviate, whichever file said it before."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bind_operator.goyaml import Path
from bindctl.convert.draft import Draft
from bindctl.convert.reading import Reading

ANONYMOUS = "anonymous"


@dataclass
class Access:
    """It is what a file says of who may ask, and for what."""

    anonymous: bool = True
    has_keys: bool = False
    keys: int | None = None
    """So many keys there are; None where they lie in a Secret."""
    keys_at: Path = ()
    users: list[str] = field(default_factory=list)
    oidc: dict[str, Any] = field(default_factory=dict)
    oidc_at: Path = ()
    uses_list: bool = False
    uses_rbac: bool = False
    admins: list[str] = field(default_factory=list)
    readers: list[str] = field(default_factory=list)
    admin_groups: list[str] = field(default_factory=list)
    reader_groups: list[str] = field(default_factory=list)
    database_users: bool = False


def secret_name(draft: Draft) -> str:
    """Return the name of the Secret that has to be made of the keys."""
    return f"{draft.name}-api-keys"


def set_access(draft: Draft, reading: Reading, access: Access) -> None:
    """Set `weaviate.authentication`, and say what has to be made for it."""
    section: dict[str, Any] = {}
    if access.anonymous:
        section["anonymousAccess"] = True
    users: list[str] = []
    if access.has_keys:
        section["apiKeys"], users = _keys(draft, reading, access)
    elif not access.anonymous and not access.oidc:
        reading.advise(
            access.keys_at,
            "lets nobody in; the resource lets in whoever has a key of the Secret that the operator makes",
        )
    if access.oidc:
        section["oidc"] = access.oidc
    if access.uses_rbac:
        section["authorization"] = "RBAC"
    if access.has_keys or access.oidc:
        section |= _rights(reading, access, users)
    if access.database_users:
        section["databaseUsers"] = True
    draft.set("weaviate.authentication", section or None)


def _keys(draft: Draft, reading: Reading, access: Access) -> tuple[dict[str, Any], list[str]]:
    count = access.keys if access.keys is not None else max(1, len(access.users))
    users = access.users or ["admin"]
    owners = users if len(users) == count else [users[0]] * count
    entries: list[dict[str, str]] = []
    for user in owners:
        entry = _free(re.sub(r"[^-._A-Za-z0-9]", "-", user), {one["entry"] for one in entries})
        entries.append({"entry": entry, "user": user})
    named = " ".join(f"--from-file={one['entry']}=FILE" for one in entries)
    reading.advise(
        access.keys_at,
        "keys do not stand in a resource; make their Secret, each FILE holding one key: "
        f"kubectl create secret generic {secret_name(draft)} {named}",
    )
    return {"secretName": secret_name(draft), "entries": entries}, list(dict.fromkeys(owners))


def _free(name: str, taken: set[str]) -> str:
    number = 1
    while (name if number == 1 else f"{name}-{number}") in taken:
        number += 1
    return name if number == 1 else f"{name}-{number}"


def _rights(reading: Reading, access: Access, users: Sequence[str]) -> dict[str, Any]:
    """Return who may do what. Without authorization everybody may do everything, by name here."""
    if access.uses_rbac:
        if access.readers or access.reader_groups:
            reading.lose(
                access.keys_at, "with RBAC nobody reads by a list; give them the role viewer through Weaviate"
            )
        return {"adminUsers": access.admins, **_groups(access)}
    if not access.uses_list:
        if access.oidc:
            reading.lose(
                access.oidc_at,
                "each user of the issuer may do everything; the resource lists who may: name them in "
                "spec.weaviate.authentication.adminUsers or adminGroups",
            )
        everybody = [*users, *([ANONYMOUS] if access.anonymous else [])]
        return {"adminUsers": everybody, "readOnlyUsers": []}
    return {"adminUsers": access.admins, "readOnlyUsers": access.readers, **_groups(access)}


def _groups(access: Access) -> dict[str, Any]:
    """Return the groups, which only an issuer's tokens have."""
    if "groupsClaim" not in access.oidc:
        return {}
    readers = [] if access.uses_rbac else access.reader_groups
    groups = {"adminGroups": access.admin_groups, "readOnlyGroups": readers}
    return {name: value for name, value in groups.items() if value}
