"""Finds the HTTP workers of a running server, and what they hold."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import httpx

from support.decoder_processes import descendants
from support.server import ServerProcess


def http_workers(server: ServerProcess) -> list[int]:
    """Return the process numbers of its HTTP workers."""
    return [pid for pid in descendants(server.process.pid) if "bind_inference.workers" in _command(pid)]


def holder(server: ServerProcess, port: int) -> int:
    """Return the process number of the worker that holds the connection of a client's port, else 0."""
    client, ours = f"0100007F:{port:04X}", f"0100007F:{server.port:04X}"
    lines = [line.split() for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()]
    inodes = {line[9] for line in lines if line[1:3] == [ours, client]}
    names = {f"socket:[{inode}]" for inode in inodes}
    return next((pid for pid in http_workers(server) if names & set(_open_files(pid))), 0)


def sockets(pid: int) -> int:
    """Return how many sockets a process has open."""
    return sum(name.startswith("socket:") for name in _open_files(pid))


def metric(url: str, name: str) -> float:
    """Return the sum of the metrics whose lines begin with `name`."""
    lines = httpx.get(f"{url}/metrics", timeout=20).text.splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))


def _open_files(pid: int) -> Iterator[str]:
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            yield str(entry.readlink())


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""
