"""The main process' loop: it accepts connections and hands them to workers, until it has drained."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from typing import TYPE_CHECKING, Final

import uvloop

from bind_inference.http.accepting import Acceptor, connection_limit
from bind_inference.http.server import FLUSH_S

if TYPE_CHECKING:
    import socket

    from bind_inference.scheduling.service import Service
    from bind_inference.settings import Settings
    from bind_inference.workers.pool import Workers

log = logging.getLogger(__name__)

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
        self._acceptor = Acceptor(
            listener,
            connection_limit(settings.max_connections),
            count=lambda: self._workers.connections,
            hand_over=self._hand_over,
            make_room=self._make_room,
        )
        self._asked = self._closed = False
        self._ended = asyncio.Event()
        workers.on_ready = self._worker_is_ready
        workers.on_ended = self._worker_has_room
        workers.on_none = self._acceptor.stop

    def run(self) -> None:
        """Serve until a signal, or until `close`."""
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve())

    def close(self) -> None:
        """Accept no more, and finish what was accepted."""
        if self._closed:
            return
        self._closed = True
        self._acceptor.close()
        self._workers.close()
        loop = asyncio.get_running_loop()
        loop.call_later(self._settings.drain_timeout_s, self._service.stop)
        self._ending = loop.create_task(self._await_workers())

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._handle_signal)
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

    def _worker_is_ready(self) -> None:
        self._hand_over_orphans()
        self._acceptor.start()

    def _worker_has_room(self) -> None:
        self._hand_over_orphans()
        self._acceptor.ended()

    def _hand_over_orphans(self) -> None:
        orphans, self._workers.orphans = self._workers.orphans, []
        for connection in orphans:
            self._hand_over(connection)

    def _hand_over(self, connection: socket.socket) -> None:
        workers = self._workers.alive
        if workers:
            min(workers, key=lambda worker: worker.connections).hand_over(connection)
        else:  # the last one has just ended
            self._workers.orphans.append(connection)

    def _make_room(self) -> None:
        """Let the worker with the most connections close one that is idle."""
        workers = self._workers.alive
        if workers:
            max(workers, key=lambda worker: worker.connections).tell({"do": "room"})
