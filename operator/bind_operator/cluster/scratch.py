"""Temporary files lie in one folder, so that those of an operator that was killed can be removed.

A pod's folder of temporary files outlives its containers: each kill in the middle of a Helm run would leave
some MiB there for ever.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

PREFIX = "bind-operator-"


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """Make a folder that goes with the block; first remove those whose operators live no more.

    Raises OSError if none can be made.
    """
    for left in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError), _held(left):
            shutil.rmtree(left, ignore_errors=True)
    made = tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True)
    with made as folder, _held(Path(folder)):
        yield Path(folder)


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Hold a folder; the kernel lets it go when this process ends. Raises OSError if another one holds it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)
