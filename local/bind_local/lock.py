"""Locks between processes: one at a time changes the machine's cluster, or a cache's images."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK = Path("/run/bindvectorizer.lock")


@contextmanager
def machine_lock() -> Iterator[None]:
    """Wait until no other process starts or ends the cluster; the lock goes with its holder."""
    with file_lock(LOCK):
        yield


@contextmanager
def file_lock(path: Path) -> Iterator[None]:
    """Wait until no other process holds the lock of this name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
