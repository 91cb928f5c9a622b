"""Lets nobody in without an API key, where the server wants one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.routing import Match

from bind_inference.errors import InvalidApiKey
from bind_inference.http.responses import json_response
from bind_inference.items.openai_errors import error_content

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp, Receive, Scope, Send

    from bind_inference.keys import ApiKeys

# All else needs a key, so that a route which is added cannot be forgotten here. The kubelet has none, nor has
# Prometheus by itself; and on /meta hangs the readiness of the whole Weaviate: a wrong key must not end it.
OPEN: Final = frozenset({"/.well-known/live", "/.well-known/ready", "/meta", "/metrics"})


class KeyMiddleware:
    """A request without a valid key is answered 401, and nothing of its body is read."""

    def __init__(self, app: ASGIApp, keys: ApiKeys, routes: Sequence[BaseRoute]) -> None:
        self._app = app
        self._keys = keys
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it."""
        if scope["type"] != "http" or not self._keys.wanted or scope["path"] in OPEN:
            await self._app(scope, receive, send)
            return
        shown = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        if self._keys.accept(shown):
            await self._app(scope, receive, send)
            return
        # No router has seen it yet, and the metrics want a route.
        scope["route"] = next((r for r in self._routes if r.matches(scope)[0] is Match.FULL), None)
        reason = "this is no API key of this server" if shown else "this server wants an API key"
        error = InvalidApiKey(
            f"{reason}: send `Authorization: Bearer KEY` with one of those that its setting --api-keys-file "
            "(BIND_API_KEYS_FILE) or BIND_API_KEYS names"
        )
        content = error_content(scope["path"], error.status, error.message, error)
        response = json_response(content, error.status, {"WWW-Authenticate": "Bearer"})
        await response(scope, receive, send)
