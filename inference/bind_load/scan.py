"""Finds in a folder, or in a file of texts, what is to be embedded."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from bind_inference.modality import Modality
from bind_load.errors import LoadFailed
from bind_load.plan import AUTO, Rule, Source, modality_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass
class Found:
    """`skipped` counts the files of no known kind by their extension; `root` is where the paths start."""

    root: Path
    sources: list[Source] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)


def scan(source: Path, rules: Sequence[Rule], modality: str = AUTO) -> Found:
    """Return the media below the folder `source` in the order of their paths, or the lines of a file.

    Hidden files and folders are left out, as are empty lines. A line's path is `name.txt:12`. Raises
    LoadFailed if `source` cannot be read.
    """
    try:
        return _scan_folder(source, rules, modality) if source.is_dir() else _scan_lines(source)
    except UnicodeDecodeError as error:
        raise LoadFailed(
            f"{source}: a file of texts must be UTF-8, one text a line: {error.reason}"
        ) from error
    except OSError as error:
        raise LoadFailed(f"cannot read {error.filename or source}: {error.strerror}") from error


def digest(data: bytes) -> str:
    """Return the SHA-256 of `data`, 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def as_text(path: str) -> str:
    """Return `path` as a string that any file format takes: bytes that are no UTF-8 become \\xNN."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _scan_folder(folder: Path, rules: Sequence[Rule], modality: str) -> Found:
    found = Found(folder)

    def fail(error: OSError) -> None:
        raise error

    for parent, folders, names in os.walk(folder, onerror=fail):
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and not name.endswith(".parts")
        )
        for name in sorted(names):
            path = os.path.join(parent, name)  # noqa: PTH118  (a million paths: Path costs ten times as much)
            if name.startswith(".") or not os.path.isfile(path):  # noqa: PTH113
                continue
            below = os.path.relpath(path, folder).replace(os.sep, "/")
            kind = modality_of(below, rules, modality)
            if kind is None:
                found.skipped[as_text(os.path.splitext(name)[1]).casefold() or "none"] += 1  # noqa: PTH122
                continue
            status = os.stat(path)  # noqa: PTH116
            source = Source(as_text(below), kind, status.st_size, status.st_mtime_ns)
            found.sources.append(source if source.path == below else replace(source, file=below))
    return found


def _scan_lines(file: Path) -> Found:
    found = Found(file.parent)
    mtime_ns = file.stat().st_mtime_ns
    for number, line in enumerate(file.read_text(encoding="utf-8-sig").splitlines(), 1):
        text = line.strip()
        if text:
            data = text.encode()
            found.sources.append(
                Source(f"{file.name}:{number}", Modality.TEXT, len(data), mtime_ns, text, digest(data))
            )
    return found
