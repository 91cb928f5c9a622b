"""The control groups of the cluster.

Every process in them belongs to the cluster, whoever started it and whatever records are left.
"""

import os
import signal
from pathlib import Path

from bind_local.topology import CGROUP, CGROUPS


def hierarchies(root: Path = CGROUPS) -> list[Path]:
    """Return the roots of the mounted hierarchies: one with cgroup v2, one for each controller with v1."""
    if (root / "cgroup.controllers").exists():
        return [root]
    return sorted({entry.resolve() for entry in root.iterdir() if (entry / "cgroup.procs").exists()})


def create(root: Path = CGROUPS) -> tuple[str, ...]:
    """Make our group in each hierarchy, and return the files that the node's first process joins by.

    kubelet wants its root group to be there before it starts.
    """
    joined = []
    for hierarchy in hierarchies(root):
        for group in (hierarchy / CGROUP, hierarchy / CGROUP / "node"):
            group.mkdir(exist_ok=True)
            for name in ("cpuset.cpus", "cpuset.mems"):
                # v1: a new group has no processors, and no process can join it, until it is given some.
                if (group / name).exists() and not (group / "cgroup.controllers").exists():
                    (group / name).write_text((group.parent / name).read_text())
        joined.append(str(hierarchy / CGROUP / "node" / "cgroup.procs"))
    return tuple(joined)


def roots(root: Path = CGROUPS) -> list[Path]:
    """Return our group of each hierarchy that has one."""
    return [hierarchy / CGROUP for hierarchy in hierarchies(root) if (hierarchy / CGROUP).exists()]


def groups(root: Path = CGROUPS) -> list[Path]:
    """Return our groups, the innermost first."""
    found: list[Path] = []
    for hierarchy in hierarchies(root):
        for folder, _, _ in os.walk(hierarchy / CGROUP, topdown=False):
            found.append(Path(folder))
    return found


def members(root: Path = CGROUPS) -> set[int]:
    """Return the ids of the processes in our groups."""
    pids: set[int] = set()
    for group in groups(root):
        try:
            pids.update(int(line) for line in (group / "cgroup.procs").read_text().split())
        except OSError:
            continue
    return pids - {0}


def kill_members(root: Path = CGROUPS) -> None:
    """Kill the processes in our groups, which hold nothing but the cluster's."""
    for pid in members(root):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def remove(root: Path = CGROUPS) -> None:
    """Remove our groups; one that still has processes stays, and `leftovers` names it."""
    for group in groups(root):
        try:
            group.rmdir()
        except OSError:
            continue
