"""What a server and its children use, read from /proc."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bind_local.proc import PROC, children

if TYPE_CHECKING:
    from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Usage:
    """Resident bytes and CPU seconds of a process with all its descendants."""

    rss_bytes: int
    cpu_s: float


def usage_of(pid: int, proc: Path = PROC) -> Usage:
    """Return what `pid` and its descendants use; one that ends meanwhile counts as nothing."""
    rss, ticks = _own(pid, proc)
    for child in children(pid, proc):
        theirs = usage_of(child, proc)
        rss, ticks = rss + theirs.rss_bytes, ticks + theirs.cpu_s * _TICKS_PER_S
    return Usage(int(rss), ticks / _TICKS_PER_S)


def _own(pid: int, proc: Path) -> tuple[int, float]:
    """Return resident bytes and CPU ticks; ticks of children that have ended are not among them."""
    try:
        fields = (proc / str(pid) / "stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return 0, 0
    return int(fields[21]) * _PAGE_BYTES, int(fields[11]) + int(fields[12])
