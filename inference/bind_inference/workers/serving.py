"""Serves HTTP in a worker, on the connections that the main process hands over."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
from functools import partial
from typing import TYPE_CHECKING, Final

from bind_inference.http.app import create_app
from bind_inference.http.server import Connecting
from bind_inference.logs import configure_logging
from bind_inference.settings import Settings
from bind_inference.telemetry.tracing import start_tracing
from bind_inference.workers.channel import INLINE_BYTES, Channel, receive
from bind_inference.workers.remote import RemoteService

if TYPE_CHECKING:
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
    service = RemoteService(settings, hello.head, hello.files[0], spans)
    Worker(service, connection, others).run()
    if spans:
        spans.close()
    sys.stderr.flush()
    os._exit(0)


class Worker(Connecting):
    """It has no listener; it serves each connection that comes by the channel, until it is told to close."""

    def __init__(self, service: RemoteService, connection: socket.socket, early: list[Message]) -> None:
        """Take `early` messages, which came with the hello, before others."""
        super().__init__(create_app(service), service.settings)
        self.open_connections.on_ended = service.disconnected
        self._service = service
        self._connection = connection
        self._early = early
        service.on_start = self._open

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Tell the main process that connections may come."""
        await super().startup(sockets)
        if self._service.channel:
            self._service.channel.send({"do": "ready"})

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
                    self._service.taken(message.head["id"])
                    self._service.disconnected()
                    return
                self._take(message.files[0], message.head["id"])
            case "room":
                self.open_connections.make_room(asyncio.get_running_loop().time())
            case "close":
                self.should_exit = True
            case _:
                self._service.receive(message)

    def _take(self, file: Shared, number: int) -> None:
        """Serve a connection, once the main process knows that it can give it to nobody else."""
        self._service.taken(number)
        connection = socket.socket(fileno=file.detach())
        connection.setblocking(False)
        self.serve_connection(connection)
