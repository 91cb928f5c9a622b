"""Sum a file up, name it durably, and say what a failed write means: both fetching and converting do."""

import errno
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from bind_inference.weights.errors import WeightsError
from bind_inference.weights.progress import Progress, Stage

_BLOCK = 1 << 20
_FULL = {errno.ENOSPC, errno.EDQUOT}


def check_sum(path: Path, progress: Callable[[Progress], None]) -> str:
    """Return the SHA-256 of the file at `path` in hexadecimal, calling `progress` on the way."""
    digest, done, total = hashlib.sha256(), 0, path.stat().st_size
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            done += len(block)
            progress(Progress(Stage.VERIFY, done, total))
    return digest.hexdigest()


def disk_error(error: OSError, part: Path) -> WeightsError:
    """Return what a failed write to the cache means for whoever runs the server."""
    if error.errno in _FULL:
        return WeightsError(f"{part.parent} is full: enlarge the model's cache (model.cache.size)")
    return WeightsError(f"cannot write {part}: {error.strerror}; the model's cache must be writable")


def rename_durably(temporary: Path, target: Path) -> None:
    """Name a file that is written: after a loss of power it is whole, or not there. Raises OSError."""
    _sync(temporary)
    temporary.replace(target)
    _sync(target.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
