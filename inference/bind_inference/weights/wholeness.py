"""Knows whether a converted file still holds what was written: by a checksum of its tensors in its metadata.

A file system that lost its power may give back a file that is there, of the right length, and zeros in parts.
Its vectors would be wrong and nothing would say so. The sum takes a second or two for 4.8 GB, so a file that
was found whole is not summed up again until the machine is started anew, or it is another file.
"""

import hashlib
import json
import logging
import os
import zlib
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Final

from safetensors import SafetensorError, safe_open
from torch import Tensor

log = logging.getLogger(__name__)

CONTENT_SUM: Final = "content_sum"
"""The metadata that hold the sum of all tensors; files of before have none."""
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


def content_sum(tensors: Iterable[tuple[str, Tensor]]) -> str:
    """Return a sum of names and contents, whatever their order; it finds damage, not forgery."""
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        lines = sorted(pool.map(_line, tensors))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def find_damage(file: Path, notes: Path) -> str | None:
    """Return what is wrong with a converted `file`, None if it is whole. Raises OSError.

    notes: a folder where is noted that it was found whole; one that cannot be written is done without.
    """
    file.open("rb").close()  # its error tells what is wrong, unlike safetensors' own
    note, known = _note_path(file, notes), _identity(file)
    try:
        with safe_open(file, framework="pt", device="cpu") as opened:
            wanted = (opened.metadata() or {}).get(CONTENT_SUM)
            if wanted is None or _noted(note) == known:
                return None
            names = opened.keys()
            found = content_sum((name, opened.get_tensor(name)) for name in names)
    except SafetensorError as error:
        return str(error)
    if found != wanted:
        return "its tensors are not those that were written"
    _write_note(note, known)
    return None


def forget(file: Path, notes: Path) -> None:
    """Forget that `file` was found whole."""
    with suppress(OSError):  # what cannot be removed could hardly be written
        _note_path(file, notes).unlink(missing_ok=True)


def _line(named: tuple[str, Tensor]) -> str:
    name, tensor = named
    content = tensor.detach().reshape(-1).numpy().data
    return f"{name} {tensor.dtype} {list(tensor.shape)} {zlib.crc32(content):08x}"


def _note_path(file: Path, notes: Path) -> Path:
    where = hashlib.sha256(os.fsencode(file.absolute())).hexdigest()[:16]
    return notes / f".{where}.whole.json"


def _identity(file: Path) -> Mapping[str, object]:
    """Return what makes it the same file on the same start of the machine."""
    found = file.stat()
    try:
        boot = _BOOT_ID.read_text().strip()
    except OSError:
        boot = os.urandom(16).hex()  # nobody can tell
    return {"boot": boot, "inode": found.st_ino, "bytes": found.st_size, "changed_ns": found.st_mtime_ns}


def _noted(note: Path) -> object:
    try:
        return json.loads(note.read_text())
    except (OSError, ValueError):
        return None


def _write_note(note: Path, known: Mapping[str, object]) -> None:
    if not note.parent.is_dir():
        return
    try:
        note.write_text(json.dumps(known))
    except OSError as error:
        log.warning(
            "the next start sums the weights up again", extra={"path": str(note), "error": str(error)}
        )
