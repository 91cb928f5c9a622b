"""uvicorn's HTTP protocol with an end to patience: a head may take for ever and grow without end there."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    import asyncio

MAX_HEAD_BYTES: Final = 1 << 16


class Protocol(HttpToolsProtocol):
    """One connection. A head that does not end is answered and cut; one that does not begin is cut.

    So is a body whose rest does not come once its answer is out; before that it is the route that waits.
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
        """Wait for the first head."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._head_arrived()
        self._rest_arrived()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Wait for the rest of a head; between two requests keep_alive_s holds, not this."""
        super().on_message_begin()
        self._unset_keepalive_if_required()
        self._await_head()

    def on_headers_complete(self) -> None:
        """Wait no more."""
        self._head_arrived()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Wait for the next request, also where the answer came before the end of the body.

        uvicorn stops its timer at each byte and starts it with the answer, so here it would never run again.
        """
        super().on_message_complete()
        self._rest_arrived()
        if self.cycle.response_complete and not self.transport.is_closing():
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def on_response_complete(self) -> None:
        """Give the rest of a body that is answered already (404, 413, 503 …) its time."""
        super().on_response_complete()
        if self.cycle.response_complete and self.cycle.more_body and not self.transport.is_closing():
            self._rest_timer = self.loop.call_later(self.body_timeout_s, self.transport.close)

    def data_received(self, data: bytes) -> None:
        """Take what came; a head has so many bytes at most."""
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
        """Answer what is no HTTP, in JSON as everything."""
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
        """Answer and hang up. What is pipelined before it may still run; nobody would read its answer."""
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
    """Return the protocol with its limits; uvicorn makes one for each connection."""
    limits = {"head_timeout_s": head_timeout_s, "body_timeout_s": body_timeout_s}
    return type("LimitedProtocol", (Protocol,), limits)
