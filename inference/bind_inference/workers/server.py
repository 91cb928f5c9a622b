"""The main process' loop: it accepts connections and hands them to workers, until it has drained."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import signal
import socket
from typing import TYPE_CHECKING, Final

import uvloop

from bind_inference.http.server import FLUSH_S

if TYPE_CHECKING:
    from bind_inference.scheduling.service import Service
    from bind_inference.settings import Settings
    from bind_inference.workers.pool import Workers

log = logging.getLogger(__name__)

# Connections accepted before the loop does something else.
_BURST: Final = 64
_NO_ROOM: Final = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_PAUSE_S: Final = 1.0
# What a worker takes to end beyond its own limits.
_END_S: Final = 3.0


class MainServer:
    """The server drains on the first SIGTERM or SIGINT and stops at once on the second."""

    def __init__(
        self, service: Service, workers: Workers, settings: Settings, listener: socket.socket
    ) -> None:
        self._service = service
        self._workers = workers
        self._settings = settings
        self._listener = listener
        self._accepting = False
        self._asked = self._closed = False
        self._ended = asyncio.Event()
        workers.on_ready = self._accept_on

    def run(self) -> None:
        """Serve until a signal, or until `close`."""
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve())

    def close(self) -> None:
        """Accept no more, and finish what was accepted."""
        if self._closed:
            return
        self._closed = True
        self._accept_off()
        self._listener.close()
        self._workers.close()
        loop = asyncio.get_running_loop()
        loop.call_later(self._settings.drain_timeout_s, self._service.stop)
        self._ending = loop.create_task(self._await_workers())

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._handle_signal)
        self._listener.setblocking(False)
        self._workers.open(self._service)
        self._service.start()
        await self._ended.wait()
        self._workers.kill()
        self._service.stop()

    async def _await_workers(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(int(self._settings.drain_timeout_s) + FLUSH_S + _END_S):
                await self._workers.ended()
        self._ended.set()

    def _handle_signal(self) -> None:
        if self._asked:
            self._ended.set()
            return
        self._asked = True
        delay_s = self._settings.drain_delay_s if self._service.readiness.ready else 0.0
        self._service.drain()
        asyncio.get_running_loop().call_later(delay_s, self.close)

    def _accept_on(self) -> None:
        """Accept as long as there is a worker; until then connections wait in the kernel."""
        if not self._accepting and self._listener.fileno() >= 0:
            self._accepting = True
            asyncio.get_running_loop().add_reader(self._listener, self._accept)

    def _accept_off(self) -> None:
        if self._accepting:
            self._accepting = False
            asyncio.get_running_loop().remove_reader(self._listener)

    def _accept(self) -> None:
        for _ in range(_BURST):
            workers = self._workers.alive
            if not workers:
                self._accept_off()
                return
            try:
                connection, _ = self._listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in _NO_ROOM:
                    raise
                log.error("connections wait: %s", error.strerror)  # noqa: TRY400  (it is no bug)
                self._accept_off()
                asyncio.get_running_loop().call_later(_PAUSE_S, self._accept_on)
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            min(workers, key=lambda worker: worker.connections).hand_over(connection)
