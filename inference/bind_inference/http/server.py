"""Runs uvicorn so that its end loses no request."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import uvicorn

from bind_inference.http.accepting import Acceptor, connection_limit
from bind_inference.http.connections import Connections
from bind_inference.http.protocol import Protocol, protocol
from bind_inference.http.tls import tls_factory

if TYPE_CHECKING:
    import socket
    from types import FrameType

    from starlette.types import ASGIApp

    from bind_inference.scheduling.service import Service
    from bind_inference.settings import Settings

log = logging.getLogger(__name__)

# Once all that waits has been refused with 503, seconds for those responses to be sent.
FLUSH_S = 2


def configure(app: ASGIApp, settings: Settings, http: type[Protocol]) -> uvicorn.Config:
    """Return the configuration of uvicorn for `app`."""
    return uvicorn.Config(
        app,
        loop="uvloop",
        http=http,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        ssl_context_factory=tls_factory(settings),
        timeout_keep_alive=settings.keep_alive_s,
        timeout_graceful_shutdown=int(settings.drain_timeout_s) + FLUSH_S,
    )


class Connecting(uvicorn.Server):
    """The server has no listener of uvicorn's; it serves each connection that it is given."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.open_connections = Connections()
        super().__init__(configure(app, settings, protocol(settings, self.open_connections)))
        self._connecting: set[asyncio.Task[None]] = set()
        self._handshake = {"ssl_handshake_timeout": settings.head_timeout_s} if settings.tls_cert else {}

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application."""
        del sockets
        await super().startup(sockets=[])

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish what was accepted; a connection that was handed over just now is one of that."""
        if self._connecting:
            await asyncio.wait(self._connecting)
        await super().shutdown(sockets)

    def serve_connection(self, connection: socket.socket) -> None:
        """Serve an accepted connection, which is this server's from now on."""
        self.open_connections.accepted()
        task = asyncio.ensure_future(self._connect(connection))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    async def _connect(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()

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
            self.open_connections.ended()


class Server(Connecting):
    """The server drains on the first SIGTERM or SIGINT and stops at once on the second."""

    def __init__(self, app: ASGIApp, service: Service, settings: Settings, listener: socket.socket) -> None:
        super().__init__(app, settings)
        self._service = service
        self._settings = settings
        self._loop: asyncio.AbstractEventLoop | None = None
        self._asked = False
        self._acceptor = Acceptor(
            listener,
            connection_limit(settings.max_connections),
            count=lambda: self.open_connections.count,
            hand_over=self.serve_connection,
            make_room=lambda: self.open_connections.make_room(asyncio.get_running_loop().time()),
        )
        self.open_connections.on_ended = self._acceptor.ended

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Remember the loop, because a signal handler has no other way to it."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        self._acceptor.start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept no more, and finish what was accepted."""
        self._acceptor.close()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Drain or stop. uvicorn's own handler would end the process by the signal, not with status 0."""
        del sig, frame
        if self._asked or self._loop is None:
            self.should_exit = self.force_exit = True
            return
        self._asked = True
        self._loop.call_soon_threadsafe(self._drain)

    def _drain(self) -> None:
        """Accept requests for `drain_delay_s` more, then none, and finish what was accepted."""
        delay_s = self._settings.drain_delay_s if self._service.readiness.ready else 0.0
        self._service.drain()
        asyncio.get_running_loop().call_later(delay_s, self._close)

    def _close(self) -> None:
        self.should_exit = True
        asyncio.get_running_loop().call_later(self._settings.drain_timeout_s, self._service.stop)
