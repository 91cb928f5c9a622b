"""The record of the running cluster; it is machine-wide, so that any checkout finds it."""

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from bind_local.host.processes import Identity
from bind_local.paths import RUN

FILE = RUN / "cluster.json"


@dataclass(frozen=True)
class Record:
    """A record describes the cluster that runs, or that was begun.

    starter: the `unshare` process; init: the node's first process, as this machine numbers it.
    spec: digest of all that the cluster was made from. sysctls: kernel settings as they were before, by file.
    folders: mount points made here. complete: the start was seen through; else it may lack anything.
    """

    cache: str
    checkout: str
    spec: str
    starter: Identity | None = None
    init: Identity | None = None
    sysctls: dict[str, str] = field(default_factory=dict)
    folders: tuple[str, ...] = ()
    complete: bool = False

    def write(self, file: Path = FILE) -> None:
        """Write it to `file` by a rename, so that a reader finds the old record or the new one."""
        file.parent.mkdir(parents=True, exist_ok=True)
        scratch = file.with_suffix(".new")
        scratch.write_text(json.dumps(asdict(self)))
        scratch.rename(file)

    def started(self, starter: Identity, init: Identity) -> "Record":
        """Return this record with its two processes."""
        return replace(self, starter=starter, init=init)


def read(file: Path = FILE) -> Record | None:
    """Return the record; None when there is none or it cannot be understood."""
    try:
        raw = json.loads(file.read_text())
        processes = {
            key: Identity(**raw.pop(key)) if raw[key] else raw.pop(key) for key in ("starter", "init")
        }
        return Record(**{**raw, **processes, "folders": tuple(raw["folders"])})
    except (OSError, ValueError, KeyError, TypeError):
        return None
