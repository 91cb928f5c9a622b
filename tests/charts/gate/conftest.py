"""The real Caddy with the Caddyfile that the chart renders, before servers on 127.0.0.2, 127.0.0.3 …

Only the addresses are adapted: the DNS server and the socket between the gate's two halves.
"""

import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from support.charts import pick, render
from support.dns import FakeDns
from support.ports import free_ports
from support.tools import binary
from support.waiting import until

TINY = "modules.multi2vec-bind.model.name=Tiny"
INFERENCE_PORT = "8080"
BACKEND = Path(__file__).parent / "backend.py"
TRY_S = 2
MEDIA_TRY_S = 15
START_S = 20


def wait_for(host: str, port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until `process` listens."""

    def connects() -> bool:
        assert process.poll() is None, f"{process.args!r} ended with status {process.returncode}"
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex((host, port)) == 0

    until(connects, START_S, f"{process.args!r} listens on {host}:{port}", poll_s=0.02)


@dataclass
class Gate:
    """A running gate and the servers behind it."""

    port: int
    health_port: int
    backend_port: int
    dns: FakeDns
    caddyfile: Path
    caddy: subprocess.Popen[bytes]
    backends: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def health_url(self) -> str:
        return f"http://127.0.0.1:{self.health_port}"

    def start(self, *hosts: str, meta_delay_s: float = 0.0, delay_s: float = 0.0) -> None:
        """Start servers on `hosts` and make them known."""
        for host in hosts:
            delays = (str(meta_delay_s), str(delay_s))
            command = [sys.executable, str(BACKEND), host, str(self.backend_port), *delays]
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


def run_caddy(caddyfile: Path) -> subprocess.Popen[bytes]:
    """Start Caddy; its log goes where pytest shows it when a test fails."""
    return subprocess.Popen(
        [binary("caddy"), "run", "--config", caddyfile, "--adapter", "caddyfile"],
        env={"HOME": str(caddyfile.parent), "XDG_DATA_HOME": str(caddyfile.parent)},
    )


def adapted(text: str, dns: FakeDns, backend_port: int, folder: Path) -> str:
    """Return the chart's Caddyfile for this machine; fail if a line to adapt is not there."""
    for old, new in {
        f"svc.cluster.local. {INFERENCE_PORT} {{": f"svc.cluster.local. {backend_port} {{",
        "refresh 1s": f"refresh 1s\n\t\tresolvers 127.0.0.1:{dns.port}",
        "unix//tmp/gate.sock": f"unix/{folder}/gate.sock",
    }.items():
        assert old in text, f"the Caddyfile has no {old!r}"
        text = text.replace(old, new)
    return text


@pytest.fixture
def gate() -> Iterator[Gate]:
    port, health_port = free_ports(2)
    (backend_port,) = free_ports(1, "0.0.0.0")  # noqa: S104  (127/8)
    values = {
        "gate.port": port,
        "gate.healthPort": health_port,
        "gate.tryDuration": f"{TRY_S}s",
        "gate.mediaTryDuration": f"{MEDIA_TRY_S}s",
        "gate.maxBodySize": "4MiB",
    }
    settings = [part for name, value in values.items() for part in ("--set", f"{name}={value}")]
    text = pick(render("weaviate-bind", "--set", TINY, *settings), "ConfigMap", "gate")["data"]["Caddyfile"]
    # Not tmp_path: the path of a socket is short.
    with FakeDns() as dns, tempfile.TemporaryDirectory(prefix="gate-") as name:
        caddyfile = Path(name) / "Caddyfile"
        caddyfile.write_text(adapted(text, dns, backend_port, Path(name)))
        gate = Gate(port, health_port, backend_port, dns, caddyfile, run_caddy(caddyfile))
        try:
            wait_for("127.0.0.1", port, gate.caddy)
            yield gate
        finally:
            for process in (gate.caddy, *gate.backends.values()):
                process.kill()
                process.wait()
