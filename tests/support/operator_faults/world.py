"""A control plane, and an operator with a proxy, a disk and a clock that may fail."""

import contextlib
import json
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from integration.apiserver import write_kubeconfig
from integration.control_plane import ControlPlane
from integration.installation import OPERATOR_TOKEN
from integration.instance import Instance
from integration.operator_process import OperatorProcess
from support.api_proxy import ApiProxy, api_proxy
from support.operator_faults.convergence import Namespace
from support.tools import binary

KINDS = "bv,deployments,statefulsets,pods,services,pvc,configmaps,events"
FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")
DISK_MIB = 16
NAME = "kube.example.org"
"""The operators know the API server by this name."""
LEASE_S = 4
SETTINGS = {
    # Nothing but the watches, and a wait that was agreed on, brings an operator back to a resource.
    "RESYNC_S": "3600",
    "RETRY_MAX_S": "5",
    "LEASE_DURATION_S": str(LEASE_S),
    "UNLOCK_AFTER_S": "3",
    "DELETE_TIMEOUT_S": "300",
}


@dataclass
class World:
    """It is a control plane, a proxy before it, and operators behind the proxy with a small disk each."""

    plane: ControlPlane
    proxy: ApiProxy
    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    operators: list[OperatorProcess] = field(default_factory=list)
    _read: dict[str, int] = field(default_factory=dict)

    @property
    def operator(self) -> OperatorProcess:
        """The first operator."""
        return self.operators[0]

    def new_operator(self, name: str) -> OperatorProcess:
        """Return one more operator, started, with a disk and a clock of its own."""
        kubeconfig, disk = self.folder / f"{name}-kubeconfig", self.folder / f"{name}-disk"
        write_kubeconfig(kubeconfig, self.proxy.url.replace("127.0.0.1", NAME), OPERATOR_TOKEN)
        disk.mkdir(exist_ok=True)
        resolver = self.folder / "resolv.conf"
        # Nobody listens there.
        resolver.write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n", encoding="ascii")
        self.set_name_known(known=True)
        operator = OperatorProcess(kubeconfig, self.folder, SETTINGS | self.settings, name)
        operator.more["HELM"] = str(self._lonely_helm())
        operator.environment = {
            "TMPDIR": str(disk),
            "FAKETIME_TIMESTAMP_FILE": str(self.clock_of(name)),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        mount = f'mount -t tmpfs -o size={DISK_MIB}m,mode=700 none "$TMPDIR"'
        mount += "".join(
            f" && mount --bind {self.folder}/{one} /etc/{one}" for one in ("hosts", "resolv.conf")
        )
        mount += ' && exec "$@"'
        # In a mount namespace of its own, so that nothing stays mounted, however this ends.
        operator.prefix = ("unshare", "--mount", "sh", "-c", mount, "--", "env", f"LD_PRELOAD={FAKETIME}")
        self.set_clock(name, 0)
        operator.start()
        self.operators.append(operator)
        return operator

    def retire(self, operator: OperatorProcess) -> None:
        """Stop one operator of several."""
        operator.thaw()
        operator.stop()
        self.operators.remove(operator)

    def set_name_known(self, *, known: bool) -> None:
        """Let the API server's name have an address, or none, for the operators and their Helm."""
        text = "127.0.0.1 localhost\n" + (f"127.0.0.1 {NAME}\n" if known else "")
        # In place, because it is this file that is mounted.
        (self.folder / "hosts").write_text(text, encoding="ascii")

    def clock_of(self, name: str) -> Path:
        """The clock of an operator is as wrong as this file says."""
        return self.folder / f"{name}-clock"

    def set_clock(self, name: str, seconds: int) -> None:
        """Let an operator's wall clock be wrong by so much; monotonic clocks go on."""
        new = self.clock_of(name).with_suffix(".new")
        new.write_text(f"{seconds:+d}\n", encoding="ascii")
        new.replace(self.clock_of(name))

    def disk_of(self, operator: OperatorProcess) -> Path:
        """The folder of temporary files of a running operator, seen from here."""
        return Path(f"/proc/{operator.pid}/root") / str(operator.environment["TMPDIR"]).lstrip("/")

    def read(self, namespace: str) -> Namespace:
        """Return all objects of a namespace that matter."""
        text = self.plane.server.kubectl("get", KINDS, "-n", namespace, "-o", "json")
        return Namespace(json.loads(text)["items"])

    def instance(self, namespace: str, name: str) -> Instance:
        """Return a resource, not applied yet, in a namespace that is there."""
        return Instance(self.plane.server, name, namespace)

    def helm_runs(self) -> list[int]:
        """Return the processes of Helm that run now."""
        runs = [int(line.split()[0]) for line in self._lines("runs")]
        return [pid for pid in runs if _is_helm(pid)]

    def kill_helm(self) -> int:
        """Kill each Helm that runs; return how many."""
        runs = self.helm_runs()
        for pid in runs:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return len(runs)

    def complaints(self) -> list[str]:
        """Return what must never happen and has since the last call: bugs, deaths, two Helms at once."""
        overlaps = self._lines("overlaps")
        said = [f"two Helms at once: {line}" for line in overlaps[self._read.get("overlaps", 0) :]]
        self._read["overlaps"] = len(overlaps)
        for operator in self.operators:
            whole = operator.log()
            log, self._read[operator.name] = whole[self._read.get(operator.name, 0) :], len(whole)
            said += [
                f"{operator.name}: {word} is in its log"
                for word in ("bug in the reconciler", "Traceback")
                if word in log
            ]
            if not operator.is_running:
                said.append(f"{operator.name} has ended: {log[-2000:]}")
        return said

    def _lines(self, name: str) -> list[str]:
        file = self.folder / name
        return file.read_text(encoding="utf-8").splitlines() if file.exists() else []

    def _lonely_helm(self) -> Path:
        """Return a Helm that notes its process, and that it met another one on the same release."""
        program = self.folder / "helm"
        if not program.exists():
            program.write_text(
                "#!/bin/sh\n"
                f"cd_to={self.folder}\n"
                'for word; do case "$word" in --namespace=*) namespace="${word#*=}";; esac; done\n'
                'exec 9>"$cd_to/lock-$namespace-$2"\n'
                'flock -n 9 || echo "$namespace $*" >> "$cd_to/overlaps"\n'
                'echo "$$ $namespace $*" >> "$cd_to/runs"\n'
                f'exec {binary("helm")} "$@"\n',
                encoding="utf-8",
            )
            program.chmod(0o755)
        return program


@contextlib.contextmanager
def running_world(
    plane: ControlPlane, folder: Path, settings: dict[str, str] | None = None
) -> Iterator[World]:
    """Run one operator behind a proxy until the block ends."""
    with api_proxy(plane.server.url, OPERATOR_TOKEN) as proxy:
        world = World(plane, proxy, folder, settings or {})
        world.new_operator("operator")
        try:
            yield world
        finally:
            proxy.heal()
            for operator in world.operators:
                if operator.is_running:
                    operator.stop()


def _is_helm(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="ascii").strip() == "helm"
    except FileNotFoundError:
        return False
