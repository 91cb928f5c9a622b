"""Writes every JSON response, good or bad."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson
from fastapi import Response

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from starlette.types import Receive, Scope, Send

    from bind_inference.http.backend import Backend
    from bind_inference.scheduling.turns import Pace

_JSON: Final = "application/json"
# Numbers of vectors that are written at once: a quarter of a millisecond, and 24 kB. A longer response is
# written as its client takes it, or a thousand that do not would hold as many of 11 MB.
PART_NUMBERS: Final = 2048


def json_response(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return `content` as JSON; arrays of numpy are taken as lists."""
    return Response(_dump(content), status, headers, _JSON)


@dataclass(frozen=True)
class Rows:
    """A list of a response: `count` entries that are made when they are written."""

    count: int
    entries: Iterable[Any]


def rows_response(
    content: Mapping[str, object], service: Backend, headers: Mapping[str, str] | None = None
) -> Response:
    """Return `content` as JSON, in parts if its lists (`Rows`) have more than a few vectors."""
    each = max(1, PART_NUMBERS // service.dimension)
    if sum(value.count for value in content.values() if isinstance(value, Rows)) > each:
        return _Parts(_parts(content, each), service.pace, headers)
    whole = {
        name: list(value.entries) if isinstance(value, Rows) else value for name, value in content.items()
    }
    return json_response(whole, headers=headers)


class _Parts(Response):
    """The next part is made once the client has taken those before it, and others have had the loop."""

    def __init__(self, parts: Iterator[bytes], pace: Pace, headers: Mapping[str, str] | None) -> None:
        super().__init__(None, 200, headers, _JSON)
        del self.headers["content-length"]
        self._parts = parts
        self._pace = pace

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response; whole to a client of HTTP/1.0, which knows no parts."""
        if scope["http_version"] == "1.0":
            whole = Response(b"".join(self._parts), self.status_code, self.headers, _JSON)
            await whole(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        more = {"type": "http.response.body", "body": b"", "more_body": True}
        for part in self._parts:
            await send(more | {"body": part})
            del part  # while nobody takes it, the transport has what is left of it
            await send(more)  # which waits until there is room
            await self._pace.turn()
        await send(more | {"more_body": False})


def _parts(content: Mapping[str, object], each: int) -> Iterator[bytes]:
    comma = b"{"
    for name, value in content.items():
        start = comma + orjson.dumps(name) + b":"
        comma = b","
        if not isinstance(value, Rows):
            yield start + _dump(value)
            continue
        entries = iter(value.entries)
        start += b"["
        while part := list(itertools.islice(entries, each)):
            yield start + _dump(part)[1:-1]
            start = b","
        yield b"]" if start == b"," else start + b"]"
    yield b"}"


def _dump(content: object) -> bytes:
    return orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)
