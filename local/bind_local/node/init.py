"""The node's first process starts the units in their order, restarts what dies and collects orphans.

It is process 1 of its own process namespace, so the kernel ends everything on the node with it: whatever
happens, nothing of the cluster outlives this process. It reads a NodeSpec as JSON from standard input, and
waits for its end: when the starter dies half-way, there is no spec and the node ends at once. It imports
only the standard library, because it stays in memory.
"""

import os
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from pathlib import Path

from bind_local.node.units import NodeSpec, Unit

TICK_S = 0.05
RESTART_S = 1.0
STOP_S = 5.0
STOPPED_GRACEFULLY = ("containerd", "registry")
"""These units get time to close their files, because their data outlives the cluster."""


class State(StrEnum):
    """The stage that a unit has come to."""

    WAITING = "Waiting"
    STARTED = "Started"
    READY = "Ready"
    DONE = "Done"


@dataclass
class UnitProcess:
    """A unit with its process and how far it has come."""

    unit: Unit
    state: State = State.WAITING
    pid: int = 0
    not_before: float = 0.0


def may_start(entry: UnitProcess, all_units: dict[str, UnitProcess], now: float) -> bool:
    """Say whether a unit's turn has come: it waits for nothing, and its pause after a crash is over."""
    after = (all_units[name].state for name in entry.unit.after)
    return (
        entry.state is State.WAITING
        and now >= entry.not_before
        and all(s in (State.READY, State.DONE) for s in after)
    )


def is_ready(entry: UnitProcess) -> bool:
    """Say whether a unit that was started is ready now."""
    started = entry.state is State.STARTED and not entry.unit.oneshot
    return started and (not entry.unit.ready or probe_succeeds(entry.unit.ready))


def record_exit(entry: UnitProcess, status: int, now: float) -> None:
    """Record that the process of `entry` ended: a oneshot with status 0 is done, all else starts again."""
    entry.pid = 0
    if entry.unit.oneshot and status == 0:
        entry.state = State.DONE
        return
    entry.state = State.WAITING
    entry.not_before = now + RESTART_S


def probe_succeeds(probe: str) -> bool:
    """Say whether something listens at "tcp:HOST:PORT" or "unix:PATH", or says 200 at an "https:" address."""
    kind, _, where = probe.partition(":")
    if kind == "https":
        return _returns_ok(probe)
    host, _, port = where.rpartition(":")
    family = socket.AF_UNIX if kind == "unix" else socket.AF_INET
    with socket.socket(family) as client:
        client.settimeout(0.2)
        return client.connect_ex(where if kind == "unix" else (host, int(port))) == 0


def _returns_ok(url: str) -> bool:
    # Our own server on our own address, asked only whether it is ready: its certificate does not matter.
    context = ssl._create_unverified_context()  # noqa: S323
    try:
        with urllib.request.urlopen(url, timeout=1, context=context) as response:  # noqa: S310  (https only, see probe_succeeds)
            return bool(response.status == HTTPStatus.OK)
    except OSError:
        return False


class Node:
    """Runs the units in one loop and one thread, without locks: only this class touches them."""

    def __init__(self, spec: NodeSpec) -> None:
        self._log_dir = Path(spec.log_dir)
        self._units = {unit.name: UnitProcess(unit) for unit in spec.units}
        self._stopping = False

    def run(self) -> None:
        """Run until SIGTERM, then let the units of STOPPED_GRACEFULLY end by themselves."""
        signal.signal(signal.SIGTERM, self._stop)
        while not self._stopping:
            self._reap()
            self._advance(time.monotonic())
            time.sleep(TICK_S)
        ending = [
            self._units[name] for name in STOPPED_GRACEFULLY if name in self._units and self._units[name].pid
        ]
        for entry in ending:
            os.kill(entry.pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_S
        while any(entry.pid for entry in ending) and time.monotonic() < deadline:
            self._reap()
            time.sleep(TICK_S)

    def _stop(self, *_: object) -> None:
        self._stopping = True

    def _advance(self, now: float) -> None:
        for entry in self._units.values():
            if may_start(entry, self._units, now):
                self._start(entry)
            elif is_ready(entry):
                self._log("is ready", entry)
                entry.state = State.READY

    def _start(self, entry: UnitProcess) -> None:
        unit = entry.unit
        with (self._log_dir / f"{unit.name}.log").open("ab") as log:
            process = subprocess.Popen(
                unit.argv,
                env={**os.environ, **unit.env},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        # Reaped by _reap, with every orphan of the node, not by subprocess.
        process.returncode = 0
        entry.pid, entry.state = process.pid, State.STARTED

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for entry in self._units.values():
                if entry.pid == pid:
                    code = os.waitstatus_to_exitcode(status)
                    self._log(f"ended with status {code}", entry)
                    record_exit(entry, code, time.monotonic())

    def _log(self, what: str, entry: UnitProcess) -> None:
        print(f"{time.strftime('%H:%M:%S')} {entry.unit.name} {what}", flush=True)


def main() -> int:
    """Read the spec, join the cgroups, prepare the mounts, and run the units."""
    text = sys.stdin.read()
    if not text:
        print("the starter ended before it gave this node its units", flush=True)
        return 1
    spec = NodeSpec.from_json(text)
    for file in spec.cgroup_files:
        Path(file).write_text("0")
    for argv in spec.setup:
        subprocess.run(argv, check=True)
    Node(spec).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
