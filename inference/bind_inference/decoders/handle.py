"""The place of one decoder process, in the server: started, asked, replaced when it dies."""

from __future__ import annotations

import contextlib
import multiprocessing
import socket
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from bind_inference.decoders.process import MESSAGE_BYTES, live
from bind_inference.items.shared_memory import Shared

if TYPE_CHECKING:
    from bind_inference.decoders.decoding import Bounds

_JOIN_S: Final = 5.0
_START_S: Final = 60.0


class DecodersBroken(Exception):
    """No decoder process can be started: the server is of no use."""


@dataclass(frozen=True)
class PoolLimits:
    """How many processes, and what one may take for one item."""

    workers: int = 1
    timeout_s: float = 60.0
    memory_bytes: int = 1 << 31


@dataclass(frozen=True)
class Answer:
    """What a process sent: a message, and memory that is the receiver's."""

    message: bytes
    shared: Shared


class Seat:
    """The place of one process; a process that is gone is replaced by another."""

    # multiprocessing keeps a list of processes that it looks through without a lock.
    _starting = threading.Lock()

    def __init__(self, bounds: Bounds, limits: PoolLimits, number: int) -> None:
        self.number = number
        self._bounds = bounds
        self._limits = limits
        self._process: Any = None
        self._socket: socket.socket | None = None
        self._stopped = False

    def start(self) -> None:
        """Start a process."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with self._starting, theirs:
            if self._stopped:
                ours.close()
                raise EOFError
            process = multiprocessing.get_context("forkserver").Process(
                target=live,
                args=(theirs, self._bounds, self._limits.memory_bytes),
                name=f"decode-{self.number}",
                daemon=True,
            )
            process.start()
            self._process, self._socket = process, ours

    def ask(self, request: dict[str, Any], data: Shared) -> Answer:
        """Return the process's answer.

        Raises TimeoutError; EOFError or OSError if it has died of this; DecodersBroken if there is none.
        """
        connection = self._send(orjson.dumps(request), data.fd)
        connection.settimeout(self._limits.timeout_s)
        message, fds, _, _ = socket.recv_fds(connection, MESSAGE_BYTES, 1)
        if not message or not fds:
            raise EOFError
        return Answer(message, Shared(fds[0]))

    def replace(self) -> int | None:
        """End the process if it lives, start another; return the exit status of the old one."""
        status = self.end()
        with contextlib.suppress(Exception):  # tried again, and told, by the next task
            self.start()
        return status

    def end(self) -> int | None:
        """End the process; return its exit status, None if that is not known."""
        with self._starting:
            process, self._process = self._process, None
            if self._socket:
                self._socket.close()
                self._socket = None
            if process is None:
                return None
            # A crash closes the socket before it has a status: time for that, before it is overwritten.
            process.join(0.2)
            if process.exitcode is None:
                process.kill()
                process.join(_JOIN_S)
            status: int | None = process.exitcode
            process.close() if status is not None else None
            return status

    def stop(self) -> None:
        """End the process and let none start. Any thread; whoever waits for it gets EOFError."""
        with self._starting:
            self._stopped = True
            if self._process is not None:
                with contextlib.suppress(OSError):
                    self._process.kill()

    def _send(self, message: bytes, fd: int) -> socket.socket:
        """Send to the process, or to a new one if it died while it had nothing to do."""
        if self._socket:
            with contextlib.suppress(OSError):
                self._socket.settimeout(_JOIN_S)
                socket.send_fds(self._socket, [message], [fd])
                return self._socket
            self.end()
        try:
            self.start()
        except (EOFError, OSError) as error:  # no memory, no process ids, no descriptors
            raise DecodersBroken(str(error) or "the pool is closed") from error
        assert self._socket  # noqa: S101  (made by start)
        self._socket.settimeout(_START_S)
        socket.send_fds(self._socket, [message], [fd])
        return self._socket
