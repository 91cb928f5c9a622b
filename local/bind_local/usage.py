"""Measures the disk that folders take, and what is free on it."""

import os
import shutil
from pathlib import Path

from bind_local.disk import Disk


def usage(folder: Path) -> int:
    """Return the bytes that a folder takes on disk, 0 if it is not there; two names of a file count once."""
    seen: set[int] = set()
    total = 0
    for root, folders, files in os.walk(folder):
        for name in (*folders, *files):
            try:
                found = os.lstat(f"{root}/{name}")
            except FileNotFoundError:  # a running cluster writes here
                continue
            if found.st_ino not in seen:
                seen.add(found.st_ino)
                total += found.st_blocks * 512
    return total


def disk_of(path: Path) -> Disk:
    """Return the disk that a path is or will be on."""
    there = next(folder for folder in (path, *path.parents) if folder.exists())
    return Disk(there.stat().st_dev, shutil.disk_usage(there).free)
