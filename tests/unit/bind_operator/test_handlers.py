"""kopf itself, in a thread, before an API server that a test lets fail."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from bind_operator.api.identity import GROUP, KIND, PLURAL, VERSION
from bind_operator.cluster.client import Credentials
from bind_operator.handlers import Backoffs, Ears, WatcherEnded, watch_resources
from bind_operator.loop_thread import LoopThread
from bind_operator.policy.facts import Key
from bind_operator.policy.watching import RESOURCES, Cause, Request
from support.ports import free_ports
from support.waiting import becomes

SHOP = Key("demo", "shop")


def resource(namespace: str = "demo") -> dict[str, Any]:
    metadata = {"name": "shop", "namespace": namespace, "uid": namespace, "resourceVersion": "7"}
    return {"apiVersion": f"{GROUP}/{VERSION}", "kind": KIND, "metadata": metadata}


@dataclass
class FakeApi:
    """An API server that has one resource in each namespace."""

    url: str = ""
    refusals: dict[str, int] = field(default_factory=dict)
    """Status by the path that is answered with it."""
    asked: list[str] = field(default_factory=list)
    streams: list[web.StreamResponse] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, type_: str, item: dict[str, Any]) -> None:
        for stream in self.streams:
            await stream.write(json.dumps({"type": type_, "object": item}).encode() + b"\n")

    async def handle(self, request: web.Request) -> web.StreamResponse:
        path = request.path
        self.asked.append(f"{request.method} {request.path_qs}")
        if path in self.refusals:
            body = {"kind": "Status", "code": self.refusals[path], "message": "refused by a test"}
            return web.json_response(body, status=self.refusals[path])
        if path.endswith(PLURAL):
            return await self._watch(request) if "watch" in request.query else web.json_response(_list(path))
        return web.json_response(_DISCOVERY.get(path, {"resources": []}))

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        stream = web.StreamResponse()
        stream.enable_chunked_encoding()
        await stream.prepare(request)
        self.streams.append(stream)
        await self.ended.wait()
        return stream


def _list(path: str) -> dict[str, Any]:
    namespace = path.split("/")[-2] if "namespaces" in path else "demo"
    return {"kind": f"{KIND}List", "metadata": {"resourceVersion": "7"}, "items": [resource(namespace)]}


_KIND = {"name": PLURAL, "singularName": "bindvectorizer", "kind": KIND, "namespaced": True}
_DISCOVERY: dict[str, dict[str, Any]] = {
    "/api": {"versions": ["v1"]},
    "/apis": {
        "groups": [
            {"name": GROUP, "versions": [{"version": VERSION}], "preferredVersion": {"version": VERSION}}
        ]
    },
    "/api/v1": {
        "resources": [{"name": "namespaces", "singularName": "", "kind": "Namespace", "namespaced": False}]
    },
    f"/apis/{GROUP}/{VERSION}": {"resources": [{**_KIND, "verbs": ["get", "list", "watch", "patch"]}]},
}


@pytest.fixture
async def api() -> AsyncIterator[FakeApi]:
    fake = FakeApi()
    (port,) = free_ports(1)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", fake.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    fake.url = f"http://127.0.0.1:{port}"
    yield fake
    fake.ended.set()
    await runner.cleanup()


@dataclass
class Heard:
    changes: list[tuple[str, Key]] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    async def has(self, type_: str, key: Key) -> None:
        await becomes(lambda: (type_, key) in self.changes)

    def causes(self, path: str) -> list[Cause]:
        return [one.cause for one in self.requests if one.path == path and one.cause is not None]


@contextlib.asynccontextmanager
async def kopf_at(api: FakeApi, *namespaces: str) -> AsyncIterator[tuple[LoopThread, Heard]]:
    heard = Heard()

    async def login() -> Credentials:
        return Credentials(api.url, "Bearer token", None, None, None, verify_tls=True, proxy=None)

    ears = Ears(lambda *change: heard.changes.append(change), heard.requests.append)
    thread = LoopThread("kopf", lambda stop: watch_resources(stop, ears, login, namespaces))
    try:
        yield thread, heard
    finally:
        thread.stop()
        with contextlib.suppress(WatcherEnded):
            assert await thread.wait(10)


async def ends(thread: LoopThread) -> WatcherEnded:
    with pytest.raises(WatcherEnded) as ended:
        assert await thread.wait(15)
    return ended.value


async def test_what_is_there_and_what_changes_is_told_and_nothing_is_written(api: FakeApi) -> None:
    async with kopf_at(api) as (_, heard):
        await heard.has("", SHOP)
        await becomes(lambda: api.streams)
        await api.send("MODIFIED", resource())
        await heard.has("MODIFIED", SHOP)
        await api.send("DELETED", resource())
        await heard.has("DELETED", SHOP)
    assert {one.split()[0] for one in api.asked} == {"GET"}
    (watched,) = [one for one in api.asked if "watch=" in one]
    # Each new one is a sign of life.
    assert "timeoutSeconds=60" in watched
    assert Cause.NONE in heard.causes(RESOURCES.path(""))


async def test_it_stops_when_it_is_told_to(api: FakeApi) -> None:
    async with kopf_at(api) as (thread, heard):
        await heard.has("", SHOP)
        thread.stop()
        assert await thread.wait(10)


async def test_it_stops_while_its_requests_are_refused(api: FakeApi) -> None:
    api.refusals["/apis"] = 503
    async with kopf_at(api) as (thread, heard):
        await becomes(lambda: len(heard.causes("/apis")) >= 2)
        thread.stop()
        # kopf would wait for them for 5 s, and the supervisor would leave the thread behind.
        assert await thread.wait(4)


@pytest.mark.parametrize("code", [500, 504])
async def test_an_error_in_the_stream_ends_it(api: FakeApi, code: int) -> None:
    async with kopf_at(api) as (thread, heard):
        await heard.has("", SHOP)
        await becomes(lambda: api.streams)
        await api.send("ERROR", {"kind": "Status", "code": code, "metadata": {}})
        assert str(code) in str(await ends(thread))


async def test_a_watch_that_ends_at_once_is_seen_to(api: FakeApi) -> None:
    api.refusals[RESOURCES.path("")] = 404
    async with kopf_at(api) as (thread, _):
        assert (await ends(thread)).cause is Cause.NOT_SERVED


async def test_refused_credentials_are_not_tried_again_and_again(api: FakeApi) -> None:
    api.refusals[RESOURCES.path("")] = 401
    async with kopf_at(api) as (thread, heard):
        assert (await ends(thread)).cause is Cause.UNAUTHORIZED
        assert heard.causes(RESOURCES.path("")) == [Cause.UNAUTHORIZED]


@pytest.mark.parametrize("status", [403, 429, 500, 503])
async def test_refusals_do_not_end_it(api: FakeApi, status: int) -> None:
    api.refusals[RESOURCES.path("")] = status
    async with kopf_at(api) as (_, heard):
        await becomes(lambda: len(heard.causes(RESOURCES.path(""))) >= 2)
        api.refusals.clear()
        await heard.has("", SHOP)


async def test_a_forbidden_namespace_silences_no_other(api: FakeApi) -> None:
    api.refusals[RESOURCES.path("other")] = 403
    async with kopf_at(api, "demo", "other") as (thread, heard):
        await heard.has("", SHOP)
        await becomes(lambda: len(heard.causes(RESOURCES.path("other"))) >= 2 and api.streams)
        await api.send("MODIFIED", resource())
        await heard.has("MODIFIED", SHOP)
        assert thread.is_alive
        api.refusals.clear()
        await heard.has("", Key("other", "shop"))


def test_waits_grow_to_ten_seconds_and_never_end() -> None:
    waits = [wait for wait, _ in zip(Backoffs(), range(100), strict=False)]
    assert waits[0] <= 0.5
    assert 5 <= waits[-1] <= 10
