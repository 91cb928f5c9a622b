"""The application: routes, the one error handler, and what surrounds every request."""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException

from bind_inference import __version__
from bind_inference.errors import BindError
from bind_inference.openai.errors import error_content
from bind_inference.openai.routes import router as openai_router
from bind_inference.routes import CLIENT_GONE, ClientGone, router

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from bind_inference.service import Service

log = logging.getLogger(__name__)


def create_app(service: Service) -> FastAPI:
    """Return the application that serves `service`; the model loads once it starts."""

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service.start()
        yield
        service.stop()

    # /docs brings its own scripts: many clusters have no way out to a CDN.
    app = FastAPIOffline(
        title="BindVectorizer inference server",
        description="ImageBind: text, image, audio, video, IMU, thermal and depth in one space.",
        version=__version__,
        lifespan=lifespan,
        redoc_url=None,
    )
    app.state.service = service
    app.state.started = int(time.time())
    app.include_router(router)
    app.include_router(openai_router)
    app.exception_handler(BindError)(_answer_bind_error)
    app.exception_handler(HTTPException)(_answer_http_error)
    app.exception_handler(ClientGone)(_answer_nobody)
    app.add_middleware(Surround, service=service)
    return app


async def _answer_bind_error(request: Request, error: BindError) -> Response:
    headers = {"Retry-After": str(error.retry_after_s)} if error.retry_after_s is not None else {}
    content = error_content(request.url.path, error.status, error.message, error)
    return _error(error.status, content, headers)


async def _answer_http_error(request: Request, error: HTTPException) -> Response:
    told = {
        HTTPStatus.NOT_FOUND: f"there is no {request.url.path[:200]}; see /docs",
        HTTPStatus.METHOD_NOT_ALLOWED: f"{request.method} is not for {request.url.path[:200]}; see /docs",
    }
    message = told.get(HTTPStatus(error.status_code), str(error.detail))
    content = error_content(request.url.path, error.status_code, message)
    return _error(error.status_code, content, dict(error.headers or {}))


async def _answer_nobody(_request: Request, _error: ClientGone) -> Response:
    return Response(status_code=CLIENT_GONE)


def _error(status: int, content: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(content), status, headers, "application/json")


class Surround:
    """Gives each request an id, counts it, logs it if it failed, and turns a bug into a plain 500."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._metrics = service.metrics
        self._ids = itertools.count(1)
        self._prefix = os.urandom(4).hex()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = time.perf_counter()
        request_id = f"{self._prefix}-{next(self._ids)}"
        status = 0

        async def send_noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, send_noting)
        except Exception:  # a bug: the traceback is for the log, not for the client
            log.exception("a request met a bug", extra={"request_id": request_id, "path": scope["path"]})
            if not status:
                message = f"internal error; request {request_id} in the log tells more"
                content = error_content(scope["path"], HTTPStatus.INTERNAL_SERVER_ERROR, message)
                await _error(HTTPStatus.INTERNAL_SERVER_ERROR, content)(scope, receive, send_noting)
        finally:
            self._note(scope, status, time.perf_counter() - start, request_id)

    def _note(self, scope: Scope, status: int, seconds: float, request_id: str) -> None:
        route: Any = scope.get("route")
        path = getattr(route, "path", "other")
        self._metrics.request(path, status, seconds)
        if status >= HTTPStatus.BAD_REQUEST and not path.startswith("/.well-known"):
            fields = {
                "request_id": request_id,
                "path": path,
                "status": status,
                "duration_s": round(seconds, 4),
            }
            log.info("a request was refused", extra=fields)
