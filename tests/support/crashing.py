"""Decoder processes that pictures can crash: `serve` is started in place of the real one.

A picture whose bytes are one of these orders carries it out; any other is decoded as always.
"""

from __future__ import annotations

import fcntl
import importlib
import os
import resource
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bind_inference.decoders import process
from bind_inference.errors import InvalidItem
from bind_inference.modality import Modality
from bind_inference.preprocess import media

if TYPE_CHECKING:
    from collections.abc import Callable

    from bind_inference.decoders.decoding import Bounds
    from bind_inference.preprocess.limits import Floats, Limits


def carry_out(data: bytes, limits: Limits) -> Floats:
    """Carry out the order in `data`, or decode it."""
    match data.split():
        case [b"signal", number]:
            os.kill(os.getpid(), int(number))
            signal.pause()
        case [b"exit", status]:
            os._exit(int(status))
        case [b"sleep", seconds]:
            time.sleep(float(seconds))
        case [b"allocate", size]:
            return np.ones(int(size) // 4, np.float32)
        case [b"bug"]:
            raise ZeroDivisionError("a bug of ours")
        case [b"try", attempt, *rest]:
            raise InvalidItem(_tried(attempt.decode(), [each.decode() for each in rest]))
    return real(data, limits)


def _tried(attempt: str, rest: list[str]) -> str:
    """Try to get out; return how that ended."""
    try:
        ATTEMPTS[attempt](*rest)
    except OSError as error:
        return f"refused: {error.strerror}"
    return "it worked"


def _connect(port: str) -> None:
    with socket.create_connection(("127.0.0.1", int(port)), timeout=5):
        pass


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)


def _signal_by_socket(pid: str) -> None:
    """Have the kernel kill another process as a descriptor becomes ready."""
    read, _ = os.pipe()
    fcntl.fcntl(read, fcntl.F_SETOWN, int(pid))


def _import_late(name: str) -> None:
    sys.modules.pop(name, None)
    importlib.import_module(name)


ATTEMPTS: dict[str, Callable[..., object]] = {
    "read": lambda path: Path(path).read_bytes(),
    "list": os.listdir,
    "write": lambda path: Path(path).write_bytes(b"here"),
    "remove": lambda path: Path(path).unlink(),
    "connect": _connect,
    "pair": socket.socketpair,
    "fork": _fork,
    "run": lambda: os.execv("/bin/true", ["true"]),  # noqa: S606  (that is the point)
    "kill": lambda pid: os.kill(int(pid), 0),
    "own": _signal_by_socket,
    "limit": lambda pid: resource.prlimit(int(pid), resource.RLIMIT_CORE, (0, 0)),
    "trace": lambda pid: Path(f"/proc/{pid}/mem").open("rb").close(),
    "thread": lambda: threading.Thread(target=lambda: None).start(),
    "import": _import_late,
}

real = media.DECODERS[Modality.IMAGE]


def serve(connection: socket.socket, bounds: Bounds, memory_bytes: int) -> None:
    """Run as a decoder process whose decoder of pictures is `carry_out`."""
    media.DECODERS = {**media.DECODERS, Modality.IMAGE: carry_out}  # type: ignore[misc]  # in this process alone
    process.serve(connection, bounds, memory_bytes)


def serve_open(connection: socket.socket, bounds: Bounds, memory_bytes: int) -> None:
    """Run as a decoder process on a kernel that has no Landlock."""
    process.lock_in = lambda: ["files (Landlock): Function not implemented"]
    process.serve(connection, bounds, memory_bytes)
