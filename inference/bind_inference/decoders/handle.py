"""The server's side of one decoder process: started, asked, replaced when it dies."""

from __future__ import annotations

import contextlib
import multiprocessing
import socket
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from bind_inference.decoders.process import MESSAGE_BYTES, serve
from bind_inference.decoders.protocol import DecodersBroken
from bind_inference.items.shared_memory import Shared

if TYPE_CHECKING:
    from collections.abc import Callable

    from bind_inference.decoders.decoding import Bounds
    from bind_inference.decoders.protocol import Wanted

_JOIN_S: Final = 5.0
_START_S: Final = 60.0
# Seconds between two looks whether somebody still waits for what is under way, and whether it gives way.
_LOOK_S: Final = 0.5


class NobodyWaits(Exception):
    """The client has hung up while its item was decoded."""


class GivesWay(Exception):
    """The item takes long, and what may be short has no decoder."""


@dataclass(frozen=True)
class PoolConfig:
    """It says how many processes there are, and how much time and memory one may take for an item.

    large_bytes: where memory is short there is one process more, which may take so much; it tries again what
    has failed in one of the others. 0: there is none.
    """

    workers: int = 1
    timeout_s: float = 60.0
    memory_bytes: int = 1 << 31
    large_bytes: int = 0


class ProcessHandle:
    """One process at a time; one that is gone is replaced by another."""

    # multiprocessing keeps a list of processes that it looks through without a lock.
    _starting = threading.Lock()

    def __init__(self, bounds: Bounds, config: PoolConfig, name: str) -> None:
        self.name = name
        self._bounds = bounds
        self._config = config
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
                target=serve,
                args=(theirs, self._bounds, self._config.memory_bytes),
                name=self.name,
                daemon=True,
            )
            process.start()
            self._process, self._socket = process, ours

    def ask(
        self,
        request: dict[str, Any],
        data: Shared,
        wanted: Wanted = lambda: True,
        gives_way: Callable[[], bool] = lambda: False,
    ) -> tuple[bytes, Shared]:
        """Return the message that the process sends back, and the memory beside it, which is the caller's.

        Raises TimeoutError, NobodyWaits or GivesWay, and then the process is still at it; EOFError or OSError
        if it died of this; DecodersBroken if there is none.
        """
        connection = self._send(orjson.dumps(request), data.fd)
        give_up_at = time.monotonic() + self._config.timeout_s
        while True:
            left_s = give_up_at - time.monotonic()
            connection.settimeout(max(0.001, min(left_s, _LOOK_S)))
            try:
                message, fds, _, _ = socket.recv_fds(connection, MESSAGE_BYTES, 1)
            except TimeoutError:
                if left_s <= _LOOK_S:
                    raise
                if not wanted():
                    raise NobodyWaits from None
                if gives_way():
                    raise GivesWay from None
                continue
            if not message or not fds:
                raise EOFError
            return message, Shared(fds[0])

    def replace(self) -> int | None:
        """End the process if it lives, start another; return the exit status of the old one."""
        status = self.end()
        with contextlib.suppress(Exception):  # the next task tries again and fails of the same
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
        """End the process and let none start. Any thread may call; who waits for a reply gets EOFError."""
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
