"""Builds the application: its routes, its middleware and the one error handler."""

from __future__ import annotations

import contextlib
from http import HTTPStatus
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request, Response
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException

from bind_inference import __version__
from bind_inference.errors import BindError, RequestTimeout
from bind_inference.http.door import KeyMiddleware
from bind_inference.http.fetching import Fetcher
from bind_inference.http.middleware import RequestMiddleware
from bind_inference.http.openai_routes import router as openai_router
from bind_inference.http.requests import CLIENT_GONE, ClientGone
from bind_inference.http.responses import json_response
from bind_inference.http.routes import router
from bind_inference.items.openai_errors import error_content
from bind_inference.keys import ApiKeys
from bind_inference.modality import Modality

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bind_inference.http.backend import Backend


def create_app(service: Backend) -> FastAPI:
    """Return the application that serves `service`; the model loads once it starts."""

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service.start()
        yield
        service.stop()

    # /docs brings its own scripts: many clusters have no way out to a CDN.
    app = FastAPIOffline(
        title="BindVectorizer inference server",
        description=f"ImageBind: {', '.join(Modality)} in one space.",
        version=__version__,
        lifespan=lifespan,
        redoc_url=None,
    )
    app.state.service = service
    app.state.fetcher = Fetcher(service.settings) if service.settings.allow_urls else None
    app.include_router(router)
    app.include_router(openai_router)
    app.exception_handler(BindError)(_respond_to_bind_error)
    app.exception_handler(HTTPException)(_respond_to_http_error)
    app.exception_handler(ClientGone)(_respond_to_nobody)
    routes = [*router.routes, *openai_router.routes]
    app.add_middleware(KeyMiddleware, keys=ApiKeys.of(service.settings), routes=routes)
    app.add_middleware(RequestMiddleware, service=service)
    return app


async def _respond_to_bind_error(request: Request, error: BindError) -> Response:
    headers = {"Retry-After": str(error.retry_after_s)} if error.retry_after_s is not None else {}
    if isinstance(error, RequestTimeout):
        headers["Connection"] = "close"  # or the server would wait for the rest of the body
    content = error_content(request.url.path, error.status, error.message, error)
    return json_response(content, error.status, headers)


async def _respond_to_http_error(request: Request, error: HTTPException) -> Response:
    messages = {
        HTTPStatus.NOT_FOUND: f"there is no {request.url.path[:200]}; see /docs",
        HTTPStatus.METHOD_NOT_ALLOWED: f"{request.method} is not for {request.url.path[:200]}; see /docs",
    }
    message = messages.get(HTTPStatus(error.status_code), str(error.detail))
    content = error_content(request.url.path, error.status_code, message)
    return json_response(content, error.status_code, error.headers)


async def _respond_to_nobody(_request: Request, _error: ClientGone) -> Response:
    return Response(status_code=CLIENT_GONE)
