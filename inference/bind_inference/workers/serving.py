"""Serves HTTP in a worker, on the connections that the main process hands over."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import uvicorn

from bind_inference.http.app import create_app
from bind_inference.http.protocol import Protocol, protocol
from bind_inference.http.server import configure
from bind_inference.logs import configure_logging
from bind_inference.settings import Settings
from bind_inference.telemetry.tracing import start_tracing
from bind_inference.workers.channel import INLINE_BYTES, Channel, receive
from bind_inference.workers.remote import RemoteService

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from bind_inference.items.shared_memory import Shared
    from bind_inference.workers.messages import Message

log = logging.getLogger(__name__)

# Longer than a hello is ever away: the main process sends it once its own imports are done.
_HELLO_S: Final = 120.0


def serve(connection: socket.socket) -> None:
    """Serve until the main process says that it is enough; this does not return."""
    connection.settimeout(_HELLO_S)
    try:
        hello, *others = receive(connection, bytearray(INLINE_BYTES + 1))
    except (EOFError, OSError):
        os._exit(0)  # the main process has ended
    settings = Settings(**hello.head["settings"])
    configure_logging(settings.log_level)
    spans = start_tracing(settings)
    service = RemoteService(settings, hello.head, spans)
    Worker(service, connection, others).run()
    if spans:
        spans.close()
    sys.stderr.flush()
    os._exit(0)


class Worker(uvicorn.Server):
    """It has no listener; it serves each connection that comes by the channel, until it is told to close."""

    def __init__(self, service: RemoteService, connection: socket.socket, early: list[Message]) -> None:
        """Take `early` messages, which came with the hello, before others."""
        settings = service.settings
        http = protocol(settings.head_timeout_s, settings.body_timeout_s)
        super().__init__(configure(create_app(service), settings, telling(http, service.disconnected)))
        self._service = service
        self._connection = connection
        self._early = early
        self._connecting: set[asyncio.Task[None]] = set()
        self._handshake = {"ssl_handshake_timeout": settings.head_timeout_s} if settings.tls_cert else {}
        service.on_start = self._open

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Tell the main process that connections may come."""
        del sockets
        await super().startup(sockets=[])
        if self._service.channel:
            self._service.channel.send({"do": "ready"})

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish what was accepted; a connection that was handed over just now is one of that."""
        if self._connecting:
            await asyncio.wait(self._connecting)
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Ignore the signal, which the main process has too."""

    def _open(self) -> None:
        self._service.channel = Channel(self._connection, self._receive, partial(os._exit, 0))
        for message in self._early:
            self._receive(message)

    def _receive(self, message: Message) -> None:
        match message.head["do"]:
            case "connection":
                if message.cut or not message.files:
                    log.error("a connection is lost: no descriptor is free")
                    self._service.disconnected()
                    return
                task = asyncio.ensure_future(self._connect(message.files[0]))
                self._connecting.add(task)
                task.add_done_callback(self._connecting.discard)
            case "close":
                self.should_exit = True
            case _:
                self._service.receive(message)

    async def _connect(self, file: Shared) -> None:
        loop = asyncio.get_running_loop()
        connection = socket.socket(fileno=os.dup(file.fd))
        connection.setblocking(False)

        def create() -> Any:
            return self.config.http_protocol_class(  # type: ignore[call-arg]  # as uvicorn makes it
                config=self.config,
                server_state=self.server_state,
                app_state=self.lifespan.state,
                _loop=loop,
            )

        try:
            await loop.connect_accepted_socket(create, connection, ssl=self.config.ssl, **self._handshake)
        except OSError:  # the client is gone already, or speaks no TLS
            connection.close()
            self._service.disconnected()


def telling(http: type[Protocol], ended: Callable[[], None]) -> type[Protocol]:
    """Return the protocol `http` that calls `ended` when a connection has ended."""

    class TellingProtocol(http):  # type: ignore[misc, valid-type]  # a class that is made, as uvicorn wants one
        """It is a connection of a worker."""

        def connection_lost(self, exc: Exception | None) -> None:
            """Tell."""
            super().connection_lost(exc)
            ended()

    return TellingProtocol
