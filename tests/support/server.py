"""Starts the real server as a process on a free port, to be asked over HTTP."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "bind_inference")


def environment(**variables: str) -> dict[str, str]:
    """Return the environment of a server: none of our variables from outside, the sources importable.

    But for BIND_HTTP_WORKERS, so that every test of a server can be run with any number of them.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("BIND_", "ENABLE_CUDA")) or name == "BIND_HTTP_WORKERS"
    }
    return kept | {"PYTHONPATH": str(ROOT / "inference")} | variables


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the program to its end."""
    return subprocess.run(
        [*COMMAND, *arguments],
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@dataclass
class ServerProcess:
    """A running server; `log` is the file of its standard error."""

    process: subprocess.Popen[bytes]
    log: Path
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def events(self) -> list[dict[str, Any]]:
        """Return what it logged so far."""
        lines = self.log.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def wait_listening(self, timeout_s: float = 30) -> None:
        """Wait until it has logged its port."""
        self.port = until(self._logged_port, timeout_s, lambda: f"listening:\n{self._logs()}", poll_s=0.02)

    def wait_ready(self, timeout_s: float = 120) -> None:
        """Wait until ready answers 204."""
        until(self._is_ready, timeout_s, lambda: f"ready:\n{self._logs()}", poll_s=0.1)

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def _logged_port(self) -> int | None:
        ports = [event["port"] for event in self.events() if event["message"] == "listening"]
        self._assert_running()
        return ports[0] if ports else None

    def _is_ready(self) -> bool:
        self._assert_running()
        try:
            return httpx.get(f"{self.url}/.well-known/ready", timeout=5).status_code == 204
        except httpx.TimeoutException:  # HTTP workers answer once they run, on a busy machine after a while
            return False

    def _assert_running(self) -> None:
        assert self.process.poll() is None, f"the server ended:\n{self._logs()}"

    def _logs(self) -> str:
        return self.log.read_text()


@contextmanager
def server(
    folder: Path,
    *arguments: str,
    ready: bool = True,
    command: tuple[str, ...] = COMMAND,
    **variables: str,
) -> Iterator[ServerProcess]:
    """Start a server with the Tiny model on a free port; end it with the block."""
    log = folder / "server.log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [*command, "--model", "tiny", "--http-port", "0", "--http-host", "127.0.0.1", *arguments],
            stderr=sink,
            env=environment(**variables),
        )
    running = ServerProcess(process, log)
    try:
        running.wait_listening()
        if ready:
            running.wait_ready()
        yield running
    finally:
        process.kill()
        process.wait()
