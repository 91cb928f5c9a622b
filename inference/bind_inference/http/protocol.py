"""Bounds uvicorn's HTTP protocol, where a head may take for ever and grow without end."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    import asyncio

MAX_HEAD_BYTES: Final = 1 << 16


class Protocol(HttpToolsProtocol):
    """A connection is closed when its head does not end, with an error, or does not begin.

    So is one whose body does not end once the response is sent; before that it is the route that waits.
    """

    head_timeout_s = 15.0
    body_timeout_s = 60.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_timer: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        self._in_head = True
        self._rest_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Start the timer of the first head."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel both timers."""
        self._head_arrived()
        self._rest_arrived()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Start the timer of the next head; between two requests keep_alive_s holds, not this."""
        super().on_message_begin()
        self._unset_keepalive_if_required()
        self._await_head()

    def on_headers_complete(self) -> None:
        """Cancel the timer of the head."""
        self._head_arrived()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Start uvicorn's timer again where the response was sent before the end of the body.

        It stops at each byte and starts with the response, so here it would never run again.
        """
        super().on_message_complete()
        self._rest_arrived()
        if self.cycle.response_complete and not self.transport.is_closing():
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def on_response_complete(self) -> None:
        """Start the timer of what is missing of a body whose response is sent already (404, 413, 503 …)."""
        super().on_response_complete()
        if self.cycle.response_complete and self.cycle.more_body and not self.transport.is_closing():
            self._rest_timer = self.loop.call_later(self.body_timeout_s, self.transport.close)

    def data_received(self, data: bytes) -> None:
        """Parse what came; refuse a head of more than MAX_HEAD_BYTES."""
        continued = self._in_head
        super().data_received(data)
        if self._in_head:
            # where a head begins in these bytes, the rest of them may be of a body before it
            self._head_bytes += len(data) if continued else 1
        if self._in_head and self._head_bytes > MAX_HEAD_BYTES:
            self._refuse(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                f"the head of the request has more than {MAX_HEAD_BYTES:,} bytes",
            )

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP; the response is JSON, as everywhere."""
        self._refuse(HTTPStatus.BAD_REQUEST, msg)

    def _await_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(self.head_timeout_s, self._head_is_late)
            self._head_bytes, self._in_head = 0, True

    def _head_arrived(self) -> None:
        self._in_head = False
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _rest_arrived(self) -> None:
        if self._rest_timer is not None:
            self._rest_timer.cancel()
            self._rest_timer = None

    def _head_is_late(self) -> None:
        self._head_timer = None
        if self._head_bytes:
            self._refuse(
                HTTPStatus.REQUEST_TIMEOUT,
                f"the head of the request has not arrived within {self.head_timeout_s:g} s, the limit "
                "(--head-timeout-s)",
            )
        else:
            self.transport.close()

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        """Send an error and close. What is pipelined before may still run; nobody would read its response."""
        self._head_arrived()
        if self.transport.is_closing():
            return
        body = orjson.dumps({"error": message})
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()


def protocol(head_timeout_s: float, body_timeout_s: float) -> type[Protocol]:
    """Return the protocol with these timeouts; uvicorn makes one for each connection."""
    timeouts = {"head_timeout_s": head_timeout_s, "body_timeout_s": body_timeout_s}
    return type("TimedProtocol", (Protocol,), timeouts)
