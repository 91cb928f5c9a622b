"""Starts and ends the cluster.

A start observes what is there, clears it unless it is this very cluster in good health, and begins anew.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

from bind_local.cluster import certificates, cleanup, readiness, record
from bind_local.cluster.record import Record
from bind_local.errors import LocalError, need_root
from bind_local.host import cgroups, mounts, network, processes, sysctl
from bind_local.lock import machine_lock
from bind_local.node.components import build_units
from bind_local.node.configs import build_files
from bind_local.node.units import NodeSpec
from bind_local.paths import LOCAL, REPO, Paths
from bind_local.topology import CGROUP

RESOLV_CONFS = ("/run/systemd/resolve/resolv.conf", "/etc/resolv.conf")
"""The first that exists: a pod cannot ask systemd-resolved on this machine's loopback."""


def up(paths: Paths) -> None:
    """Start the cluster and wait until its node is Ready. Raises LocalError with what failed and its log."""
    need_root("the local cluster makes namespaces and interfaces")
    with machine_lock():
        files, spec = plan(paths)
        if is_healthy(paths, spec_digest(files, spec)):
            return
        cleanup.clear(paths)
        started = Record(
            cache=str(paths.cache),
            checkout=str(REPO),
            spec=spec_digest(files, spec),
            sysctls=sysctl.read(),
            folders=mounts.make_mount_points(),
        )
        started.write()
        _write(paths, files)
        certificates.create(paths)
        sysctl.apply()
        _start_node(paths, spec, started)
        readiness.wait(paths)
        _complete()


def down(paths: Paths) -> None:
    """End the cluster, of whichever checkout it is. Raises LocalError when something of it stays."""
    need_root("the local cluster makes namespaces and interfaces")
    with machine_lock():
        cleanup.clear(paths)


def plan(paths: Paths) -> tuple[dict[str, str], NodeSpec]:
    """Return the files and the processes of the cluster that this checkout wants; changes nothing."""
    dns = next((name for name in RESOLV_CONFS if Path(name).exists()), RESOLV_CONFS[-1])
    cgroup_files = tuple(str(root / CGROUP / "node" / "cgroup.procs") for root in cgroups.hierarchies())
    setup = (*network.node_setup(), *mounts.node_setup(paths))
    spec = NodeSpec(
        cgroup_files,
        setup,
        build_units(
            paths,
            os.path.abspath(sys.executable),  # noqa: PTH100  (a virtual environment is found by its link)
        ),
        str(paths.node_log),
    )
    return build_files(paths, dns), spec


def spec_digest(files: dict[str, str], spec: NodeSpec) -> str:
    """Return a digest that changes with every flag, file and pinned program of the cluster."""
    text = json.dumps(files, sort_keys=True) + spec.to_json() + readiness.BOOTSTRAP.read_text()
    return hashlib.sha256(text.encode()).hexdigest()


def is_healthy(paths: Paths, spec: str) -> bool:
    """Say whether the cluster made from `spec` runs, answers, and has a Ready node."""
    known = record.read()
    return bool(
        known
        and known.complete
        and known.spec == spec
        and known.init
        and known.init.alive()
        and readiness.node_is_ready(paths)
    )


def status(paths: Paths) -> str:
    """Return a line about the cluster for a person."""
    known = record.read()
    if known is None:
        left = cleanup.leftovers(paths)
        return "no cluster runs" + (
            f"; left over: {len(left)} things, cleared by `make clean`" if left else ""
        )
    if not (known.init and known.init.alive()):
        return f"a half-started or dead cluster of {known.checkout}; the next `make cluster` clears it"
    its = Paths(Path(known.cache))
    ready = "Ready" if readiness.node_is_ready(its) else "not Ready"
    return f"the cluster of {known.checkout} runs, its node is {ready}; kubeconfig {its.kubeconfig}"


def _complete() -> None:
    """Note that the start was seen through: until then the next run begins anew."""
    running = record.read()
    if running is None:
        raise LocalError("the cluster's record is gone", "something else ended it meanwhile; start again")
    replace(running, complete=True).write()


def _write(paths: Paths, files: dict[str, str]) -> None:
    shutil.rmtree(paths.node_log, ignore_errors=True)
    paths.node_log.mkdir(parents=True)
    remove_other_roots(paths)
    for folder in (paths.containerd, paths.registry, paths.cluster / "volumes"):
        folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        file = paths.cluster / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def remove_other_roots(paths: Paths) -> None:
    """Remove the gigabytes of images that a containerd of another major version pulled."""
    for root in (paths.cache / "containerd", *paths.cache.glob("containerd-[0-9]*")):
        if root != paths.containerd:
            mounts.unmount_below(root)
            shutil.rmtree(root, ignore_errors=True)


def _start_node(paths: Paths, spec: NodeSpec, started: Record) -> None:
    cgroups.create()
    namespaces = (
        "--fork",
        "--kill-child",
        "--pid",
        "--mount",
        "--net",
        "--mount-proc",
        "--propagation",
        "slave",
    )
    with (paths.node_log / "node.log").open("ab") as log:
        starter = subprocess.Popen(
            ["unshare", *namespaces, sys.executable, "-m", cleanup.NODE_MODULE],
            env={**os.environ, "PYTHONPATH": str(LOCAL)},
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            text=True,
        )
    init = _first_child(starter, paths)
    identities = processes.identify(starter.pid), processes.identify(init)
    if identities[0] is None or identities[1] is None or starter.stdin is None:
        raise LocalError("the node's first process ended at once", readiness.log_tail(paths, "node"))
    started.started(identities[0], identities[1]).write()
    network.connect(init)
    starter.stdin.write(spec.to_json())
    starter.stdin.close()


def _first_child(starter: "subprocess.Popen[str]", paths: Paths) -> int:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and starter.poll() is None:
        found = processes.children(starter.pid)
        if found:
            return found[0]
        time.sleep(0.02)
    raise LocalError(
        f"the node's namespaces could not be made:\n{readiness.log_tail(paths, 'node')}",
        "this needs root and a kernel with namespaces; see the log",
    )
