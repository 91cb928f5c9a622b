"""Ends a cluster, whole or half-started, of this checkout or another, and lists what is left of any."""

import os
import shutil
import signal
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from bind_local.cluster import record
from bind_local.errors import LocalError
from bind_local.host import cgroups, mounts, network, processes, sysctl
from bind_local.host.processes import Identity
from bind_local.paths import RUN, Paths

STOP_S = 8.0
KILL_S = 15.0
NODE_MODULE = "bind_local.node"


def node_processes() -> list[int]:
    """Return the processes that start or are a node, known by their command line."""
    pids = (int(entry.name) for entry in processes.PROC.iterdir() if entry.name.isdigit())
    return [pid for pid in pids if pid != os.getpid() and is_node(processes.command_line(pid))]


def is_node(command_line: str) -> bool:
    """Say whether a command line is that of a node's first process or of the `unshare` that starts it."""
    words = command_line.split()
    return any(a == "-m" and b == NODE_MODULE for a, b in pairwise(words))


def clear(paths: Paths) -> None:
    """End the cluster and remove all of its state.

    Images and programs stay. Raises LocalError if something of it is still there.
    """
    known = record.read()
    _end_processes(known.init if known else None)
    network.disconnect()
    cgroups.remove()
    caches = {paths.cache, *([Path(known.cache)] if known else [])}
    for state in (Paths(cache).cluster for cache in caches):
        mounts.unmount_below(state)
        shutil.rmtree(state, ignore_errors=True)
    if known:
        sysctl.restore(known.sysctls)
        mounts.remove_mount_points(known.folders)
    mounts.unmount_below(RUN)
    shutil.rmtree(RUN, ignore_errors=True)
    left = leftovers(paths)
    if left:
        raise LocalError(
            "of the local cluster this is left:\n  " + "\n  ".join(left),
            "end it by hand, or restart the machine",
        )


def leftovers(paths: Paths) -> list[str]:
    """Return a line for each thing of a cluster that is on this machine; [] when it is clean."""
    left = [
        f"process {pid}: {processes.command_line(pid)[:100]}"
        for pid in sorted({*cgroups.members(), *node_processes()})
    ]
    left += [f"control group {group}" for group in cgroups.roots()]
    left += ["network interface bv0"] if network.link_exists() else []
    left += ["nftables table bindvectorizer"] if network.table_exists() else []
    left += [f"mount {point}" for folder in (paths.cache, RUN) for point in mounts.mounts_below(folder)]
    left += [f"folder {folder}" for folder in (paths.cluster, RUN) if folder.exists()]
    return left


def _end_processes(init: Identity | None) -> None:
    """Ask the node's first process, `init`, to end, then kill all that is left.

    Process ids are checked before each signal, because the kernel may have given them to others.
    """
    if init and init.alive():
        os.kill(init.pid, signal.SIGTERM)
        _until(lambda: not init.alive(), STOP_S)
    deadline = time.monotonic() + KILL_S
    while time.monotonic() < deadline and (cgroups.members() or node_processes()):
        for pid in node_processes():
            _kill(pid)
        cgroups.kill_members()
        time.sleep(0.1)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _until(condition: Callable[[], bool], timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
