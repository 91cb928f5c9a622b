"""Finds the HTTP workers of a running server, and what they hold."""

from pathlib import Path

import httpx

from support.decoder_processes import descendants
from support.server import ServerProcess


def http_workers(server: ServerProcess) -> list[int]:
    """Return the process numbers of its HTTP workers."""
    return [pid for pid in descendants(server.process.pid) if "bind_inference.workers" in _command(pid)]


def sockets(pid: int) -> int:
    """Return how many sockets a process has open."""
    found = 0
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found += str(entry.readlink()).startswith("socket:")
        except OSError:
            continue
    return found


def metric(url: str, name: str) -> float:
    """Return the sum of the metrics whose lines begin with `name`."""
    lines = httpx.get(f"{url}/metrics", timeout=20).text.splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""
