"""The memory and CPU time that a server and its children use, read from /proc."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bind_local.host.processes import PROC, children

if TYPE_CHECKING:
    from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Usage:
    """Resident bytes and CPU seconds of a process with all its descendants.

    A page that several of them share counts once (the kernel's proportional set size).
    """

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
    """Return resident bytes and CPU ticks of `pid` alone; children that have ended do not count."""
    try:
        fields = (proc / str(pid) / "stat").read_text().rpartition(") ")[2].split()
        rollup = (proc / str(pid) / "smaps_rollup").read_text()
    except OSError:
        return 0, 0
    resident = next((int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")), 0)
    return resident * 1024, int(fields[11]) + int(fields[12])
