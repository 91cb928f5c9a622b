"""A place is read for facts about backups, and one of them is removed from it."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import obstore
from obstore.exceptions import NotFoundError, PermissionDeniedError
from obstore.store import ObjectStore

from bind_operator.policy.retention import StoredBackup, is_under_way

BACKUP_FILE = "backup_config.json"
RESTORE_FILE = "restore_config.json"
"""Weaviate writes these into the folder of a backup: how it stands, and how the last restore of it does."""


@dataclass(frozen=True)
class StoredBackups:
    """It reads the folders below a path of a store, and removes some."""

    store: ObjectStore
    path: str

    def names(self) -> list[str]:
        """Return the names of all folders, whosoever they are."""
        found = obstore.list_with_delimiter(self.store, prefix=self.path or None)
        return [prefix.rstrip("/").rpartition("/")[2] for prefix in found["common_prefixes"]]

    def read(self, id_: str, now: float) -> StoredBackup:
        """Return what lies there of one backup."""
        meta = self._json(id_, BACKUP_FILE)
        status = meta.get("status") if isinstance(meta.get("status"), str) else None
        begun, done = _seconds(meta.get("startedAt")), _seconds(meta.get("completedAt"))
        # A good one has been written in full: only of another it counts when that was last done.
        written = (done or begun) if status == "SUCCESS" else None
        if written is None:
            written = max((one["last_modified"].timestamp() for one in self._objects(id_)), default=now)
        return StoredBackup(
            id=id_,
            status=status,
            time=done or begun or written,
            written=written,
            is_restored_from=self._is_restored_from(id_, now),
            base=meta.get("baseBackupId") or None,
        )

    def bases(self, names: Iterable[str]) -> set[str]:
        """Return the backups that any of these folders builds on."""
        found = (self._json_if_allowed(name).get("baseBackupId") for name in names)
        return {base for base in found if isinstance(base, str) and base}

    def remove(self, id_: str, now: float) -> bool:
        """Remove a backup; return False where a restore of it has begun meanwhile.

        First goes what makes it a backup: nobody begins to restore what is removed in part, and the rest of
        it, should this process die, is no good backup, which goes too.
        """
        if self._is_restored_from(id_, now):
            return False
        first = self._at(id_, BACKUP_FILE)
        paths = [one["path"] for one in self._objects(id_)]
        if first in paths:
            obstore.delete(self.store, first)
        rest = [path for path in paths if path != first]
        if rest:
            obstore.delete(self.store, rest)
        return True

    def _is_restored_from(self, id_: str, now: float) -> bool:
        try:
            written = obstore.head(self.store, self._at(id_, RESTORE_FILE))["last_modified"].timestamp()
        except (NotFoundError, FileNotFoundError):
            return False
        status = self._json(id_, RESTORE_FILE).get("status")
        return is_under_way(str(status), written, now)

    def _objects(self, id_: str) -> Iterator[Any]:
        for page in obstore.list(self.store, prefix=self._at(id_)):
            yield from page

    def _json(self, *parts: str) -> Mapping[str, Any]:
        """Return an object of Weaviate's; nothing where there is none, or nothing that can be read."""
        try:
            found = json.loads(bytes(obstore.get(self.store, self._at(*parts)).bytes()))
        except (NotFoundError, FileNotFoundError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _json_if_allowed(self, name: str) -> Mapping[str, Any]:
        """Return how a folder of somebody else's stands, where that may be read."""
        try:
            return self._json(name, BACKUP_FILE)
        except (PermissionDeniedError, PermissionError):
            return {}

    def _at(self, *parts: str) -> str:
        return "/".join((*([self.path] if self.path else []), *parts))


def _seconds(value: Any) -> float | None:
    """Return a time of Weaviate's; None for none, which Go writes as the year 1."""
    try:
        time = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return time.timestamp() if time.year > 1 and time.tzinfo else None
