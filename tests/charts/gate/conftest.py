"""The real Caddy with the Caddyfile that the chart renders, before servers on 127.0.0.2, 127.0.0.3 …

Only the addresses are adapted: the DNS server and the socket between the gate's two halves.
"""

import contextlib
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import httpx
import pytest

from support.charts import containers, env, pick, pod_specs, render
from support.dns import FakeDns
from support.ports import free_ports
from support.server import environment
from support.tools import binary
from support.waiting import until

TINY = "modules.multi2vec-bind.model.name=Tiny"
SERVERS = "svc.cluster.local. 8080"
BACKEND = Path(__file__).parent / "backend.py"
TRY_S = 2
MEDIA_TRY_S = 15
START_S = 20
READY_S = 120


def wait_for(host: str, port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until `process` listens."""

    def connects() -> bool:
        assert process.poll() is None, f"{process.args!r} ended with status {process.returncode}"
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.settimeout(1)
            return probe.connect_ex((host, port)) == 0

    until(connects, START_S, f"{process.args!r} listens on {host}:{port}", poll_s=0.02)


@dataclass
class Gate:
    """A running gate, of two processes, and the servers behind it."""

    port: int
    health_port: int
    backend_port: int
    dns: FakeDns
    caddyfile: Path
    caddy: subprocess.Popen[bytes]
    large: subprocess.Popen[bytes]
    backends: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def health_url(self) -> str:
        return f"http://127.0.0.1:{self.health_port}"

    def start(
        self, *hosts: str, meta_delay_s: float = 0.0, delay_s: float = 0.0, workers: int = 1000
    ) -> None:
        """Start servers on `hosts` that work on `workers` requests at once, and make them known."""
        for host in hosts:
            options = [str(self.backend_port), str(meta_delay_s), str(delay_s), str(workers)]
            command = [sys.executable, str(BACKEND), host, *options]
            self.backends[host] = subprocess.Popen(command)
        for host in hosts:
            wait_for(host, self.backend_port, self.backends[host])
        self.dns.addresses = (*self.dns.addresses, *hosts)

    def kill(self, host: str, *, known: bool = True) -> None:
        """Kill the server on `host` at once; the DNS names it on if it is still `known`."""
        self.backends[host].kill()
        self.backends.pop(host).wait()
        if not known:
            self.dns.addresses = tuple(item for item in self.dns.addresses if item != host)

    def alive(self) -> list[str]:
        """Return the hosts whose server runs."""
        return [host for host, server in self.backends.items() if server.poll() is None]

    def post(self, body: object, timeout_s: float = 60.0) -> httpx.Response:
        """Ask for vectors as Weaviate does."""
        return httpx.post(f"{self.url}/vectorize", json=body, timeout=timeout_s)


def serve_tiny(gate: Gate, host: str, *arguments: str) -> None:
    """Start the real inference server behind the gate, which ends it, and make it known once it is ready."""
    listen = ("--http-host", host, "--http-port", str(gate.backend_port))
    command = [sys.executable, "-m", "bind_inference", "--model", "tiny", *listen, *arguments]
    gate.backends[host] = subprocess.Popen(command, env=environment())
    ready = f"http://{host}:{gate.backend_port}/.well-known/ready"
    until(lambda: _status(ready) == 204, READY_S, "the inference server is ready")
    gate.dns.addresses = (host,)


def _status(url: str) -> int:
    try:
        return httpx.get(url, timeout=5).status_code
    except httpx.TransportError:
        return 0


def run_caddy(caddyfile: Path, memory_limit: str = "") -> subprocess.Popen[bytes]:
    """Start Caddy; its log goes where pytest shows it when a test fails. memory_limit: GOMEMLIMIT."""
    return subprocess.Popen(
        [binary("caddy"), "run", "--config", caddyfile, "--adapter", "caddyfile"],
        env={
            "HOME": str(caddyfile.parent),
            "XDG_DATA_HOME": str(caddyfile.parent),
            "GOMEMLIMIT": memory_limit or "off",
        },
    )


def adapted(text: str, folder: Path, changes: dict[str, str]) -> str:
    """Return a Caddyfile of the chart for this machine; fail if a line to adapt is not there."""
    for old, new in {**changes, "unix//tmp/": f"unix/{folder}/"}.items():
        assert old in text, f"the Caddyfile has no {old!r}"
        text = text.replace(old, new)
    return text


@contextlib.contextmanager
def running_gate(
    arguments: Sequence[str] = (),
    paths: Mapping[str, str] = MappingProxyType({}),
    host: str = SERVERS,
    **values: str,
) -> Iterator[Gate]:
    """Run both processes of the gate with values below `gate`, and Go's memory limits of their containers.

    arguments: more ones of helm. paths: what to write in the place of paths in the container. host: the
    servers' host and port, as the chart writes them.
    """
    port, health_port, large_health_port = free_ports(3)
    (backend_port,) = free_ports(1, "0.0.0.0")  # noqa: S104  (127/8)
    ports = {"port": port, "healthPort": health_port, "large.healthPort": large_health_port}
    settings = [
        part for name, value in {**ports, **values}.items() for part in ("--set", f"gate.{name}={value}")
    ]
    manifests = render("weaviate-bind", "--set", TINY, *settings, *arguments)
    texts = pick(manifests, "ConfigMap", "gate")["data"]
    specs = pod_specs(manifests)
    parts = containers(specs.get("Deployment/shop-gate") or specs["StatefulSet/shop-weaviate"])
    # Not tmp_path: the path of a socket is short.
    with FakeDns() as dns, tempfile.TemporaryDirectory(prefix="gate-") as name:
        folder = Path(name)
        changes = {
            f"{host} {{": f"{host.split()[0]} {backend_port} {{",
            "refresh 1s": f"refresh 1s\n\t\tresolvers 127.0.0.1:{dns.port}",
            **paths,
        }
        caddyfile = folder / "Caddyfile"
        caddyfile.write_text(adapted(texts["Caddyfile"], folder, changes))
        large = folder / "Caddyfile.large"
        large.write_text(adapted(texts["Caddyfile.large"], folder, {}))
        limits = {part: env(parts[part])["GOMEMLIMIT"] for part in ("gate", "gate-large")}
        gate = Gate(
            port,
            health_port,
            backend_port,
            dns,
            caddyfile,
            run_caddy(caddyfile, limits["gate"]),
            run_caddy(large, limits["gate-large"]),
        )
        try:
            wait_for("127.0.0.1", port, gate.caddy)
            wait_for("127.0.0.1", large_health_port, gate.large)
            yield gate
        finally:
            for process in (gate.caddy, gate.large, *gate.backends.values()):
                process.kill()
                process.wait()


@pytest.fixture
def gate() -> Iterator[Gate]:
    durations = {"tryDuration": f"{TRY_S}s", "mediaTryDuration": f"{MEDIA_TRY_S}s"}
    quick = {**durations, "maxBodySize": "4MiB", "retries": "3"}
    with running_gate(**quick) as gate:
        yield gate
