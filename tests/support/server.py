"""The real process, started on a free port and asked over HTTP."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "bind_inference")


def environment(**variables: str) -> dict[str, str]:
    """Return the environment of a server: nothing of ours from outside, the sources importable."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("BIND_", "ENABLE_CUDA"))
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
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            for event in self.events():
                if event["message"] == "listening":
                    self.port = event["port"]
                    return
            assert self.process.poll() is None, f"the server ended:\n{self.log.read_text()}"
            time.sleep(0.02)
        raise TimeoutError(f"not listening after {timeout_s} s:\n{self.log.read_text()}")

    def wait_ready(self, timeout_s: float = 120) -> None:
        """Wait until ready answers 204."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if httpx.get(f"{self.url}/.well-known/ready", timeout=5).status_code == 204:
                return
            assert self.process.poll() is None, f"the server ended:\n{self.log.read_text()}"
            time.sleep(0.1)
        raise TimeoutError(f"not ready after {timeout_s} s:\n{self.log.read_text()}")

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)


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
