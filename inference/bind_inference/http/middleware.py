"""The middleware is around every request: its id, its count, its span, its line in the log if it failed."""

from __future__ import annotations

import itertools
import logging
import os
import re
import time
from contextlib import ExitStack, nullcontext
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from bind_inference.http.requests import HELD
from bind_inference.http.responses import json_response
from bind_inference.items.openai_errors import error_content
from bind_inference.logs import log_fields

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from bind_inference.http.backend import Backend

log = logging.getLogger(__name__)

# What a client may call its request: it goes into a header, the log and the message of a 500.
_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._-]{1,128}")


class RequestMiddleware:
    """Each request gets an id (a decent X-Request-ID is kept), and a bug becomes a plain 500."""

    def __init__(self, app: ASGIApp, service: Backend) -> None:
        self._app = app
        self._service = service
        self._spans = service.spans
        self._ids = itertools.count(1)
        self._prefix = os.urandom(4).hex()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = self._request_id(scope)
        with log_fields(request_id=request_id):
            if self._spans is None:
                await self._serve(scope, receive, send, request_id)
                return
            method, path = scope["method"], scope["path"]
            with self._spans.request(method, path, scope["headers"], request_id) as span:
                trace = log_fields(trace_id=self._spans.trace_id(span)) if span else nullcontext()
                with trace:
                    status = await self._serve(scope, receive, send, request_id)
                if span:
                    self._spans.answered(span, method, _route(scope), status)

    async def _serve(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> int:
        """Serve the request and return the status that was sent, 0 for none."""
        start = time.perf_counter()
        status = 0

        async def send_noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
            await send(message)

        held = scope[HELD] = ExitStack()
        try:
            await self._app(scope, receive, send_noting)
        except Exception:  # a bug: the traceback is for the log, not for the client
            log.exception("a request met a bug", extra={"path": scope["path"]})
            if not status:
                message = f"internal error; request {request_id} in the log tells more"
                content = error_content(scope["path"], HTTPStatus.INTERNAL_SERVER_ERROR, message)
                await json_response(content, HTTPStatus.INTERNAL_SERVER_ERROR)(scope, receive, send_noting)
        finally:
            held.close()
            self._note(scope, status, time.perf_counter() - start)
        return status

    def _request_id(self, scope: Scope) -> str:
        given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
        return given.decode() if _REQUEST_ID.fullmatch(given) else f"{self._prefix}-{next(self._ids)}"

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        path = _route(scope)
        self._service.answered(path, status, seconds)
        if status >= HTTPStatus.BAD_REQUEST and not path.startswith("/.well-known"):
            fields = {"method": scope["method"], "path": path, "status": status}
            log.info("a request was refused", extra=fields | {"duration_s": round(seconds, 4)})


def _route(scope: Scope) -> str:
    """Return the route's path: what a client made up is `other`."""
    route: Any = scope.get("route")
    return getattr(route, "path", "other")
