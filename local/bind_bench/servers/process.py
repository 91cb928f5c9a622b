"""A server runs as its own process: it is started, waited for, asked and ended."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from bind_bench.errors import BenchError
from bind_bench.machine import available_gib
from bind_bench.servers.usage import Usage, usage_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

READY_TIMEOUT_S = 900.0
END_TIMEOUT_S = 30.0
_POLL_S = 0.05


@dataclass(frozen=True)
class LaunchConfig:
    """Says how to start a server. command: with `{port}` for its port. needs_gib: a start's memory."""

    name: str
    command: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str]
    log: Path
    needs_gib: float


@dataclass(frozen=True)
class RunningServer:
    """A server that is ready. ready_s: seconds from its start to the first ready."""

    name: str
    pid: int
    port: int
    ready_s: float

    def usage(self) -> Usage:
        """Return what it and its children use."""
        return usage_of(self.pid)

    def vectors(self, content: bytes, key: str) -> list[list[float]]:
        """Return the vectors under `key` of one request. Raises BenchError unless the answer is 200."""
        response = httpx.post(f"http://127.0.0.1:{self.port}/vectorize", content=content, timeout=1800,
                              headers={"content-type": "application/json"})  # fmt: skip
        if response.status_code != 200:
            raise BenchError(
                f"{self.name} answered a {key[:-7]} with {response.status_code}: {response.text[:200]}",
                "its log is in the cache folder below bench/logs",
            )
        found: list[list[float]] = response.json()[key]
        return found

    def meta(self) -> dict[str, object]:
        """Return its /meta."""
        found: dict[str, object] = httpx.get(f"http://127.0.0.1:{self.port}/meta", timeout=60).json()
        return found


@contextmanager
def running(launch: LaunchConfig) -> Iterator[RunningServer]:
    """Start a server, wait until it is ready, and end it with the block."""
    if available_gib() < launch.needs_gib:
        raise BenchError(
            f"{available_gib():.1f} GiB of memory are left; {launch.name} needs {launch.needs_gib:g}",
            "end other programs, or compare fewer precisions at once (--precisions float32)",
        )
    port = free_port()
    launch.log.parent.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    with launch.log.open("wb") as sink:
        process = subprocess.Popen(
            [word.format(port=port) for word in launch.command], cwd=launch.cwd, env=dict(launch.env),
            stdout=sink, stderr=sink, start_new_session=True,
        )  # fmt: skip
    try:
        _wait_ready(process, port, launch)
        yield RunningServer(launch.name, process.pid, port, time.perf_counter() - started)
    finally:
        _end(process)


def environment(python_path: Sequence[Path]) -> dict[str, str]:
    """Return the environment of a server: none of our variables from outside, and no byte code written."""
    kept = {
        k: v
        for k, v in os.environ.items()
        if not k.startswith(("BIND_", "ENABLE_CUDA", "CUDA_CORE", "PYTHON"))
    }
    return kept | {"PYTHONPATH": ":".join(map(str, python_path)), "PYTHONDONTWRITEBYTECODE": "1"}


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _wait_ready(process: subprocess.Popen[bytes], port: int, launch: LaunchConfig) -> None:
    deadline = time.monotonic() + READY_TIMEOUT_S
    # One client: a new one for each question would read the certificates anew, half a core's work.
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=5) as client:
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise BenchError(f"{launch.name} ended: {ended_with(launch.log)}", f"see {launch.log}")
            try:
                if client.get("/.well-known/ready").status_code == 204:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(_POLL_S)
    raise BenchError(f"{launch.name} is not ready after {READY_TIMEOUT_S:.0f} s", f"see {launch.log}")


def ended_with(log: Path) -> str:
    """Return the last thing that a log says."""
    lines = log.read_text(errors="replace").strip().splitlines() or ["its log is empty"]
    try:
        return str(json.loads(lines[-1])["message"])
    except (ValueError, KeyError, TypeError):
        return lines[-1][:300]


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a server and everything it started: they share a session."""
    for sign, timeout_s in ((signal.SIGTERM, END_TIMEOUT_S), (signal.SIGKILL, END_TIMEOUT_S)):
        if process.poll() is None:
            os.killpg(process.pid, sign)
            try:
                process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                continue
            return
