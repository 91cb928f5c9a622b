"""The live check's requests, to real servers on loopback."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from bind_operator.api.model import ModelName
from bind_operator.cluster.verification import MAX_ANSWER_BYTES, Asker, Target
from bind_operator.policy.facts import Verification
from bind_operator.policy.golden import GOLDEN
from bind_operator.policy.verification import Expected
from bind_operator.reasons import Reason
from support.deaf import deaf_address

TINY = {"model": "Tiny", "dimension": 32, "fingerprint": "Tiny-own-1"}
META = {"modules": {"multi2vec-bind": TINY}}
VECTORS = {"textVectors": [[1.0, 2.0] * 16], "imageVectors": [[3.0, -1.0] * 16]}
EXPECTED = Expected(ModelName.TINY)
ASKER = Asker(timeout_s=1.0, embedding_timeout_s=2.0)
REFUSED = "http://127.0.0.1:1"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def said(body: Any, status: int = 200) -> Handler:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response(body, status=status)

    return answer


@contextlib.asynccontextmanager
async def serving(**handlers: Handler) -> AsyncIterator[str]:
    """Serve each handler at GET of its name, `v1_meta` at /v1/meta."""
    app = web.Application()
    for name, handler in handlers.items():
        app.router.add_get("/" + name.replace("_", "/"), handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    yield f"http://127.0.0.1:{port}"
    await runner.cleanup()


async def outcome(meta: Handler, verify: Handler, gate_meta: Handler | None = None) -> Verification:
    async with serving(v1_meta=meta, verify=verify, meta=gate_meta or said({})) as url:
        return await ASKER.ask(Target(url, url, EXPECTED))


async def test_all_as_expected() -> None:
    found = await outcome(said(META), said(VECTORS))
    assert (found.holds, found.reason, found.fingerprint) == (True, Reason.VERIFIED, "Tiny-own-1")


async def test_a_gate_is_asked_for_its_metadata_where_weaviate_asks_for_credentials() -> None:
    found = await outcome(said({}, 401), said(VECTORS), said(TINY | {"dimension": 7}))
    assert (found.holds, found.reason) == (False, Reason.VERIFICATION_FAILED)
    assert "7 dimensions" in found.message


async def test_no_connection_names_the_missing_rule() -> None:
    found = await ASKER.ask(Target(REFUSED, REFUSED, Expected(ModelName.TINY, operator="the operator (x)")))
    assert (found.holds, found.reason) == (None, Reason.VERIFYING)
    assert found.message.endswith("connection refused")
    assert "connection refused; if a NetworkPolicy selects Weaviate's pods" in found.in_the_end
    assert "from the operator (x) to port http" in found.in_the_end


@pytest.mark.parametrize(("deaf", "port"), [("weaviate", "http"), ("gate", "8182 (gate-health)")])
async def test_dropped_packets_name_the_missing_rule(deaf: str, port: str) -> None:
    async with serving(v1_meta=said(META), verify=said(VECTORS)) as url:
        with deaf_address() as (host, number):
            lost = f"http://{host}:{number}"
            target = Target(lost, url, EXPECTED) if deaf == "weaviate" else Target(url, lost, EXPECTED)
            found = await ASKER.ask(target)
    assert (found.holds, found.reason) == (None, Reason.VERIFYING)
    assert found.message.endswith("no connection in time")
    assert "no connection in time; if a NetworkPolicy" in found.in_the_end
    assert found.in_the_end.endswith(f"to port {port}")


async def test_a_server_that_works_too_long_is_busy() -> None:
    async def slow(_: web.Request) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    found = await outcome(said(META), slow)
    assert (found.holds, found.reason) == (None, Reason.INFERENCE_BUSY)
    assert "no answer within 2 s" in found.message


@pytest.mark.parametrize("which", ["weaviate", "gate"])
async def test_a_redirect_is_not_followed(which: str) -> None:
    asked = []

    async def elsewhere(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.json_response(META | VECTORS)

    async def redirect(_: web.Request) -> web.Response:
        raise web.HTTPFound("/elsewhere")

    meta, verify = (redirect, said(VECTORS)) if which == "weaviate" else (said(META), redirect)
    async with serving(v1_meta=meta, verify=verify, elsewhere=elsewhere) as url:
        found = await ASKER.ask(Target(url, url, EXPECTED))
    assert (found.holds, found.reason) == (False, Reason.VERIFICATION_FAILED)
    assert "a redirect (status 302), which is not followed" in found.message
    assert asked == []


async def test_no_more_than_64_kib_are_read() -> None:
    sent = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            for _ in range(1000):
                await response.write(b" " * MAX_ANSWER_BYTES)
                sent += MAX_ANSWER_BYTES
        return response

    found = await outcome(endless, said(VECTORS))
    assert (found.holds, found.reason) == (False, Reason.VERIFICATION_FAILED)
    assert found.message.endswith("/v1/meta: an answer of more than 64 KiB")
    assert sent < 500 * MAX_ANSWER_BYTES


async def test_two_vectors_of_upstream_with_all_their_digits_fit() -> None:
    vector = [-0.15312615036964417e-10] * 1024
    body = json.dumps({"textVectors": [vector], "imageVectors": [vector]})
    assert len(body) < MAX_ANSWER_BYTES
    async with serving(
        v1_meta=said({"modules": {"multi2vec-bind": {}}}), verify=said(json.loads(body))
    ) as url:
        found = await ASKER.ask(Target(url, url, Expected(None)))
    assert found.holds is True


@pytest.mark.parametrize(
    "body", [b"<html>\x1b[31m\x00no</html>" * 100, b"[" * 60_000, b"\xff\xfe", b"{"], ids=range(4)
)
async def test_what_is_not_json_is_told_shortly_and_harms_no_terminal(body: bytes) -> None:
    async def garbage(_: web.Request) -> web.Response:
        return web.Response(body=body)

    found = await outcome(said(META), garbage)
    assert (found.holds, found.reason) == (False, Reason.VERIFICATION_FAILED)
    assert "an answer that is not JSON" in found.message
    assert len(found.message) < 400
    assert found.message.isprintable()


async def test_a_compressed_bomb_is_not_unpacked() -> None:
    async def bomb(_: web.Request) -> web.Response:
        response = web.Response(body=b" " * 10_000_000)
        response.enable_compression(web.ContentCoding.gzip)
        return response

    found = await outcome(said(META), bomb)
    assert found.holds is False


async def test_a_name_that_is_not_known_is_told() -> None:
    asker = Asker(5.0, 5.0, Nowhere())  # type: ignore[arg-type]
    found = await asker.ask(Target("http://shop-weaviate.space.svc", None, EXPECTED))
    assert (found.holds, found.reason) == (None, Reason.VERIFYING)
    assert "the name is not known" in found.message


def test_a_golden_is_of_its_own_fingerprint() -> None:
    assert all(sketches.fingerprint == fingerprint for fingerprint, sketches in GOLDEN.items())


class Nowhere:
    """A resolver that knows no name."""

    async def resolve(self, host: str, *_: object, **__: object) -> list[Any]:
        raise OSError(None, f"no address of {host}")

    async def close(self) -> None:
        """Nothing to close."""
