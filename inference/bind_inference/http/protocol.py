"""Bounds uvicorn's HTTP protocol, where heads may last for ever and grow without end, and answers wait."""

from __future__ import annotations

import socket
import struct
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from bind_inference.http.connections import Connections

if TYPE_CHECKING:
    import asyncio

    from bind_inference.settings import Settings

MAX_HEAD_BYTES: Final = 1 << 16
# Requests that may wait on one connection for the responses before them. All that come in one piece of 256 kB
# are parsed at once, 13,000 of the shortest, which would hold up all others for half a second.
MAX_PIPELINED: Final = 32
# Bytes of an answer that may wait in this process for a client to take them: one vector, or two.
WRITE_BUFFER_BYTES: Final = 1 << 14


_NO_LINGER: Final = struct.pack("ii", 1, 0)


class TooManyPipelined(Exception):
    """The client sends requests and does not wait for their responses."""


class Protocol(HttpToolsProtocol):
    """A connection is closed when its head does not end, with an error, or does not begin.

    So is one whose body does not end once the response is sent; before that it is the route that waits. And
    so is one whose client does not take its answer.
    """

    head_timeout_s = 15.0
    body_timeout_s = 60.0
    answer_timeout_s = 60.0
    all_connections = Connections()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_timer: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        self._in_head = True
        self._rest_timer: asyncio.TimerHandle | None = None
        self._answer_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Start the timer of the first head."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(WRITE_BUFFER_BYTES)
        self.all_connections.idle(self, self.loop.time())
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel all timers, also uvicorn's, which it leaves behind where the connection was reset."""
        self._head_arrived()
        self._rest_arrived()
        self._answer_taken()
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        self.all_connections.ended(self)

    def pause_writing(self) -> None:
        """Start the timer of an answer that is not taken as fast as it is written."""
        super().pause_writing()
        self._await_taking()

    def resume_writing(self) -> None:
        """Cancel the timer of the answer, unless it is the last: its end has to be taken too."""
        if not self.transport.is_closing():
            self._answer_taken()
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection, at once if its last answer is not taken: its end would not be either."""
        self.close_idle()

    def close_idle(self) -> None:
        """Close the connection, which waits for a request; drop what its client has not taken."""
        if self.transport.get_write_buffer_size():
            self._reset()
        else:
            self.transport.close()

    def on_message_begin(self) -> None:
        """Start the timer of the next head; between two requests keep_alive_s holds, not this."""
        if len(self.pipeline) >= MAX_PIPELINED:
            raise TooManyPipelined
        super().on_message_begin()
        self.all_connections.busy(self)
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
        if self.transport.is_closing():
            self._await_taking()
        elif self.timeout_keep_alive_task is not None:
            self.all_connections.idle(self, self.loop.time())
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

    def _await_taking(self) -> None:
        if self._answer_timer is None:
            self._answer_timer = self.loop.call_later(self.answer_timeout_s, self._reset)

    def _reset(self) -> None:
        """End the connection with all that its client has not taken, in the kernel too."""
        connection = self.transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self.transport.abort()

    def _answer_taken(self) -> None:
        if self._answer_timer is not None:
            self._answer_timer.cancel()
            self._answer_timer = None

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
        self._await_taking()


def protocol(settings: Settings, connections: Connections) -> type[Protocol]:
    """Return the protocol with the timeouts of `settings`; uvicorn makes one for each connection."""
    own = {
        "head_timeout_s": settings.head_timeout_s,
        "body_timeout_s": settings.body_timeout_s,
        "answer_timeout_s": settings.answer_timeout_s,
        "all_connections": connections,
    }
    return type("TimedProtocol", (Protocol,), own)
