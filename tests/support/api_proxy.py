"""A proxy before an API server that a test lets fail: refusals, ERROR events, silence, cut connections.

It speaks plain HTTP, so a client needs no certificate of it, and passes each answer on as it comes.
"""

import asyncio
import contextlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

SESSION = web.AppKey("session", aiohttp.ClientSession)
HOP_BY_HOP = {"connection", "content-length", "host", "keep-alive", "transfer-encoding", "content-encoding"}
REASONS = {
    403: "Forbidden",
    409: "Conflict",
    410: "Expired",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
}
"""The API server's words for its statuses, by which client-go tells what it met."""


@dataclass(frozen=True)
class Harm:
    """It is done to one request; as it is here it is no harm at all."""

    status: int = 0
    """It is refused with this status, without being passed on."""
    message: str = "refused by a test"
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    """It is passed on so much later."""
    loses_answer: bool = False
    """It is passed on, and the connection ends in place of an answer."""


NO_HARM = Harm()
Harmer = Callable[[str, str], Harm]
"""It takes a method and a path with its query, and says what is done to such a request."""


@dataclass(eq=False)
class _Stream:
    """It is one watch that is under way."""

    path: str
    response: web.StreamResponse
    muted: bool = False
    ended: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(eq=False)
class ApiProxy:
    """Passes requests on to `upstream`, unless a fault is set. Its methods may be called from any thread."""

    upstream: str
    token: str
    """It is sent along with what came without one: client-go shows none where there is no TLS."""
    port: int = 0
    requests: list[str] = field(default_factory=list)
    """What was asked and passed on or refused, as "METHOD path?query"."""
    _harmers: list[Harmer] = field(default_factory=list)
    _streams: set[_Stream] = field(default_factory=set)
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)

    @property
    def url(self) -> str:
        """Clients ask here."""
        return f"http://127.0.0.1:{self.port}"

    def refuse(self, status: int, part: str = "", headers: dict[str, str] | None = None) -> None:
        """Answer each request whose path holds `part` with `status`, and cut the watches of such paths."""
        harm = Harm(status, headers=headers or {})
        self.harm(lambda _, path: harm if part in path else NO_HARM)
        self.cut(part)

    def harm(self, harmer: Harmer) -> None:
        """Ask `harmer` of each request that comes from now on; of several the first that does harm wins."""
        self._harmers.insert(0, harmer)

    def heal(self) -> None:
        """Pass all on again."""
        self._harmers.clear()

    def cut(self, part: str = "") -> None:
        """End the connections of the watches whose path holds `part`, without a word."""
        self._in_loop(self._cut, part)

    def mute(self, part: str = "") -> None:
        """Pass nothing more on to the watches that there are, whose connections stay open."""
        self._in_loop(self._mute, part)

    def send_error(self, code: int, part: str = "") -> None:
        """Send an ERROR event to the watches that there are, and end them."""
        status = {
            "kind": "Status",
            "apiVersion": "v1",
            "status": "Failure",
            "code": code,
            "message": "a test",
        }
        line = json.dumps({"type": "ERROR", "object": status}).encode() + b"\n"
        asyncio.run_coroutine_threadsafe(self._send(line, part), self._loop).result(5)

    def watches(self, part: str = "") -> int:
        """Return how many watches of paths with `part` are under way."""
        return sum(part in stream.path for stream in list(self._streams))

    def _in_loop(self, call: object, part: str) -> None:
        async def run() -> None:
            call(part)  # type: ignore[operator]

        asyncio.run_coroutine_threadsafe(run(), self._loop).result(5)

    def _cut(self, part: str) -> None:
        for stream in [one for one in self._streams if part in one.path]:
            stream.ended.set()

    def _mute(self, part: str) -> None:
        for stream in self._streams:
            stream.muted |= part in stream.path

    async def _send(self, line: bytes, part: str) -> None:
        for stream in [one for one in self._streams if part in one.path]:
            await stream.response.write(line)
            stream.ended.set()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(f"{request.method} {request.path_qs}")
        harm = self._harm_to(request.method, request.path_qs)
        if harm.delay_s:
            await asyncio.sleep(harm.delay_s)
        if harm.status:
            return _refusal(harm)
        headers = {k: v for k, v in request.headers.items() if k.lower() not in HOP_BY_HOP}
        headers.setdefault("Authorization", f"Bearer {self.token}")
        body = await request.read()
        session: aiohttp.ClientSession = request.app[SESSION]
        try:
            async with session.request(
                request.method, self.upstream + request.path_qs, headers=headers, data=body or None, ssl=False
            ) as answer:
                if harm.loses_answer and request.transport is not None:
                    # A watch has no end to wait for.
                    if "watch=" not in request.path_qs:
                        await answer.read()
                    request.transport.abort()
                return await self._pass_on(request, answer)
        except aiohttp.ClientError as error:
            return web.json_response({"message": str(error)}, status=502)

    def _harm_to(self, method: str, path: str) -> Harm:
        found = (harmer(method, path) for harmer in list(self._harmers))
        return next((harm for harm in found if harm != NO_HARM), NO_HARM)

    async def _pass_on(self, request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
        headers = {k: v for k, v in answer.headers.items() if k.lower() not in HOP_BY_HOP}
        response = web.StreamResponse(status=answer.status, headers=headers)
        if "watch=" not in request.path_qs or answer.status != 200:
            return web.Response(status=answer.status, headers=headers, body=await answer.read())
        response.enable_chunked_encoding()
        await response.prepare(request)
        stream = _Stream(request.path_qs, response)
        self._streams.add(stream)
        copying = asyncio.create_task(self._copy(answer, stream))
        ended = asyncio.create_task(stream.ended.wait())
        try:
            await asyncio.wait({copying, ended}, return_when=asyncio.FIRST_COMPLETED)
            if stream.ended.is_set() and request.transport is not None:
                # What was written shall arrive first.
                await asyncio.sleep(0.05)
                request.transport.abort()
        finally:
            self._streams.discard(stream)
            copying.cancel()
            ended.cancel()
        return response

    async def _copy(self, answer: aiohttp.ClientResponse, stream: _Stream) -> None:
        async for chunk in answer.content.iter_any():
            if stream.muted:
                await asyncio.Event().wait()
            await stream.response.write(chunk)

    async def _start(self) -> web.AppRunner:
        app = web.Application(client_max_size=2**26)
        app[SESSION] = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(), auto_decompress=True
        )
        app.on_cleanup.append(lambda app: app[SESSION].close())
        app.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(app, shutdown_timeout=0.5, handler_cancellation=True)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self.port).start()
        self.port = runner.addresses[0][1]
        return runner


def _refusal(harm: Harm) -> web.Response:
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "code": harm.status,
        "reason": REASONS.get(harm.status, ""),
        "message": harm.message,
    }
    return web.json_response(body, status=harm.status, headers=harm.headers)


@contextlib.contextmanager
def api_proxy(upstream: str, token: str) -> Iterator[ApiProxy]:
    """Run a proxy before `upstream` in a thread, until the block ends."""
    proxy = ApiProxy(upstream, token)
    loop = proxy._loop
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    runner = asyncio.run_coroutine_threadsafe(proxy._start(), loop).result(10)
    try:
        yield proxy
    finally:
        proxy._in_loop(proxy._cut, "")
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(20)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
