"""One change of the machine's cluster at a time."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK = Path("/run/bindvectorizer.lock")


@contextmanager
def machine_lock() -> Iterator[None]:
    """Wait until no other process starts or ends the cluster; the lock goes with its holder."""
    with LOCK.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
