"""Processes by identity, because a process id alone may belong to another process by now."""

from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True)
class Identity:
    """A process is known by its id and its start (clock ticks since boot), which together never recur."""

    pid: int
    started: int

    def alive(self, proc: Path = PROC) -> bool:
        """Say whether this very process still runs; one that waits to be reaped does not."""
        stat = read_stat(self.pid, proc)
        return stat is not None and stat.started == self.started and stat.state not in "ZX"


@dataclass(frozen=True)
class Stat:
    """The fields of `/proc/PID/stat` that matter here."""

    pid: int
    state: str
    parent: int
    started: int


def parse_stat(text: str) -> Stat:
    """Return the fields of a `/proc/PID/stat`; the program's name in it may hold blanks and brackets."""
    pid, _, rest = text.partition(" (")
    fields = rest.rpartition(") ")[2].split()
    return Stat(int(pid), fields[0], int(fields[1]), int(fields[19]))


def read_stat(pid: int, proc: Path = PROC) -> Stat | None:
    """Return the fields of a process; None when it is gone."""
    try:
        return parse_stat((proc / str(pid) / "stat").read_text())
    except (OSError, ValueError, IndexError):
        return None


def identify(pid: int, proc: Path = PROC) -> Identity | None:
    """Return the identity of the process that has this id now."""
    stat = read_stat(pid, proc)
    return Identity(pid, stat.started) if stat else None


def children(parent: int, proc: Path = PROC) -> list[int]:
    """Return the ids of the children of `parent`."""
    stats = (read_stat(int(entry.name), proc) for entry in proc.iterdir() if entry.name.isdigit())
    return sorted(stat.pid for stat in stats if stat and stat.parent == parent)


def command_line(pid: int, proc: Path = PROC) -> str:
    """Return a process's command line, "" when it is gone or has none."""
    try:
        return (
            (proc / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        )
    except OSError:
        return ""
