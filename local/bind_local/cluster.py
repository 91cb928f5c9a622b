"""Start the cluster: observe what is there, clear it unless it is this very cluster in good health, begin anew."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from bind_local import certificates, cgroups, cleanup, mounts, network, proc, record, sysctl
from bind_local.command import last_lines
from bind_local.components import build_units
from bind_local.configs import build_files
from bind_local.errors import LocalError
from bind_local.lock import machine_lock
from bind_local.paths import LOCAL, REPO, Paths
from bind_local.programs import KUBERNETES
from bind_local.record import Record
from bind_local.topology import NODE
from bind_local.units import NodeSpec

READY_S = 60.0
BOOTSTRAP = LOCAL / "bootstrap.yaml"
RESOLV_CONFS = ("/run/systemd/resolve/resolv.conf", "/etc/resolv.conf")
"""The first that exists: a pod cannot ask systemd-resolved on this machine's loopback."""


def up(paths: Paths) -> None:
    """Start the cluster and wait until its node is Ready. Raises LocalError, with what failed and its log."""
    _need_root()
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
        _wait_until_ready(paths)


def down(paths: Paths) -> None:
    """End the cluster, of whichever checkout it is. Raises LocalError when something of it stays."""
    _need_root()
    with machine_lock():
        cleanup.clear(paths)


def plan(paths: Paths) -> tuple[dict[str, str], NodeSpec]:
    """Return the files and the processes of the cluster that this checkout wants; changes nothing."""
    dns = next((name for name in RESOLV_CONFS if Path(name).exists()), RESOLV_CONFS[-1])
    cgroup_files = tuple(
        str(root / cgroups.CGROUP / "node" / "cgroup.procs") for root in cgroups.hierarchies()
    )
    setup = (*network.node_setup(), *mounts.node_setup(paths))
    spec = NodeSpec(cgroup_files, setup, build_units(paths, os.path.abspath(sys.executable)), str(paths.node_log))
    return build_files(paths, dns), spec


def spec_digest(files: dict[str, str], spec: NodeSpec) -> str:
    """Return a digest that changes with every flag, file and pinned program of the cluster."""
    text = json.dumps(files, sort_keys=True) + spec.to_json() + BOOTSTRAP.read_text()
    return hashlib.sha256(text.encode()).hexdigest()


def is_healthy(paths: Paths, spec: str) -> bool:
    """Say whether the cluster made from `spec` runs, answers, and has a Ready node."""
    known = record.read()
    return bool(known and known.spec == spec and known.init and known.init.alive() and _node_is_ready(paths))


def status(paths: Paths) -> str:
    """Return a line about the cluster for a person."""
    known = record.read()
    if known is None:
        left = cleanup.leftovers(paths)
        return "no cluster runs" + (f"; left over: {len(left)} things, cleared by `make clean`" if left else "")
    if not (known.init and known.init.alive()):
        return f"a half-started or dead cluster of {known.checkout}; the next `make cluster` clears it"
    ready = "Ready" if _node_is_ready(Paths(Path(known.cache))) else "not Ready"
    return f"the cluster of {known.checkout} runs, its node is {ready}; kubeconfig {Paths(Path(known.cache)).kubeconfig}"


def _need_root() -> None:
    if os.geteuid() != 0:
        raise LocalError("the local cluster makes namespaces and interfaces, and this is not root", "run it as root, or use KUBE=current with a cluster of your own")


def _write(paths: Paths, files: dict[str, str]) -> None:
    shutil.rmtree(paths.node_log, ignore_errors=True)
    paths.node_log.mkdir(parents=True)
    for folder in (paths.containerd, paths.registry, paths.cluster / "volumes"):
        folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        file = paths.cluster / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def _start_node(paths: Paths, spec: NodeSpec, started: Record) -> None:
    cgroups.create()
    namespaces = ("--fork", "--kill-child", "--pid", "--mount", "--net", "--mount-proc", "--propagation", "slave")
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
    identities = proc.identify(starter.pid), proc.identify(init)
    if identities[0] is None or identities[1] is None or starter.stdin is None:
        raise LocalError("the node's first process ended at once", _said(paths, "node"))
    started.started(identities[0], identities[1]).write()
    network.connect(init)
    starter.stdin.write(spec.to_json())
    starter.stdin.close()


def _first_child(starter: "subprocess.Popen[str]", paths: Paths) -> int:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and starter.poll() is None:
        found = proc.children(starter.pid)
        if found:
            return found[0]
        time.sleep(0.02)
    raise LocalError(f"the node's namespaces could not be made:\n{_said(paths, 'node')}", "this needs root and a kernel with namespaces; see the log")


def _wait_until_ready(paths: Paths) -> None:
    deadline = time.monotonic() + READY_S
    _poll(paths, deadline, "the API server", lambda: _kubectl(paths, "get", "--raw", "/readyz"))
    _poll(paths, deadline, "the API server", lambda: _kubectl(paths, "apply", "-f", str(BOOTSTRAP)))
    _poll(paths, deadline, "the node", lambda: _node_is_ready(paths))
    _poll(paths, deadline, "the controllers", lambda: _kubectl(paths, "get", "serviceaccount", "default"))


def _poll(paths: Paths, deadline: float, what: str, check) -> None:  # type: ignore[no-untyped-def]
    while not check():
        known = record.read()
        if not (known and known.init and known.init.alive()):
            raise LocalError(f"the node ended while it started:\n{_said(paths, 'node')}", f"see the logs in {paths.node_log}")
        if time.monotonic() > deadline:
            culprit = _last_to_end(paths)
            raise LocalError(
                f"{what} was not ready within {READY_S:.0f} s; the last words of {culprit}:\n{_said(paths, culprit)}",
                f"see the logs in {paths.node_log}; `make clean` ends what was started",
            )
        time.sleep(0.2)


def _node_is_ready(paths: Paths) -> bool:
    jsonpath = 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'
    return _kubectl(paths, "get", "node", NODE, "-o", jsonpath) == "True"


def _kubectl(paths: Paths, *args: str) -> str:
    """Return what kubectl printed; "" when it failed."""
    kubectl = KUBERNETES.home(paths) / "kubectl"
    if not kubectl.exists() or not paths.kubeconfig.exists():
        return ""
    done = subprocess.run(
        [kubectl, "--kubeconfig", paths.kubeconfig, "--request-timeout=5s", *args],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout if done.returncode == 0 else ""


def _last_to_end(paths: Paths) -> str:
    """Return the unit that last ended with an error, by the node's log; "node" when none did."""
    log = paths.node_log / "node.log"
    ended = [line.split()[1] for line in log.read_text().splitlines() if "ended with status" in line]
    return ended[-1] if ended else "node"


def _said(paths: Paths, unit: str) -> str:
    file = paths.node_log / f"{unit}.log"
    return last_lines(file.read_text(errors="replace")) if file.exists() else "    (nothing)"
