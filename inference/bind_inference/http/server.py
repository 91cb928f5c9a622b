"""Runs uvicorn so that its end loses no request."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import uvicorn

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


class Server(uvicorn.Server):
    """The server drains on the first SIGTERM or SIGINT and stops at once on the second."""

    def __init__(self, app: ASGIApp, service: Service, settings: Settings) -> None:
        super().__init__(configure(app, settings, protocol(settings.head_timeout_s, settings.body_timeout_s)))
        self._service = service
        self._settings = settings
        self._loop: asyncio.AbstractEventLoop | None = None
        self._asked = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Remember the loop, because a signal handler has no other way to it."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)

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
