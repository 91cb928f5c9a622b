"""The application around a fake engine: what the real process can hardly be brought to show."""

import asyncio
import logging
from collections.abc import AsyncIterator

import httpx
import pytest

from bind_inference.app import create_app
from bind_inference.errors import BindError
from bind_inference.readiness import Phase
from bind_inference.service import Service
from bind_inference.settings import Settings
from support.fake_engine import FakeEngine

from .test_errors import SUBCLASSES


class World:
    """A service on a fake engine, and a client that calls it without a socket."""

    def __init__(self, **settings: object) -> None:
        self.engine = FakeEngine()
        self.failures: list[str] = []
        self.service = Service(
            Settings(model="Tiny", **settings),  # type: ignore[arg-type]
            lambda _settings, _report: self.engine,
            on_failure=self.failures.append,
        )
        self.app = create_app(self.service)
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://test")

    async def ready(self) -> "World":
        self.service.start()
        async with asyncio.timeout(60):
            while not self.service.readiness.ready:  # noqa: ASYNC110  (there is no event to wait for)
                await asyncio.sleep(0.01)
        return self


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = await World().ready()
    yield made
    made.service.stop()


async def test_a_dead_forward_thread_makes_live_false(world: World) -> None:
    assert (await world.client.get("/.well-known/live")).status_code == 204
    assert (await world.client.post("/vectorize", json={"texts": ["kill"]})).status_code == 503
    answer = await world.client.get("/.well-known/live")
    assert answer.status_code == 503
    assert "Failed" in answer.json()["error"]
    assert (await world.client.get("/.well-known/ready")).status_code == 503
    assert (await world.client.get("/meta")).json()["state"] == Phase.FAILED
    assert (await world.client.post("/vectorize", json={"texts": ["later"]})).status_code == 503


@pytest.mark.parametrize("text", ["bug", "poison"])
async def test_a_bug_is_500_without_its_insides_and_logged_with_them(
    world: World, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    with caplog.at_level(logging.ERROR):
        answer = await world.client.post("/vectorize", json={"texts": [text]})
    assert answer.status_code == 500
    assert list(answer.json()) == ["error"]
    assert answer.headers["x-request-id"] in answer.json()["error"]
    assert "decoder" not in answer.text
    assert "cannot take" not in answer.text
    assert [record.message for record in caplog.records] == ["a request met a bug"]
    assert caplog.records[0].exc_info


async def test_a_bug_in_one_request_leaves_the_next_alone(world: World) -> None:
    await world.client.post("/vectorize", json={"texts": ["bug"]})
    assert (await world.client.post("/vectorize", json={"texts": ["fine"]})).status_code == 200


async def test_a_vector_that_is_not_finite_names_its_item(world: World) -> None:
    answer = await world.client.post("/vectorize", json={"texts": ["fine", "infinite"]})
    assert answer.status_code == 422
    assert answer.json()["error"].startswith("texts[1]: its values are too extreme")


async def test_a_full_queue_is_429_with_retry_after() -> None:
    world = await World(max_queue_items=1).ready()
    world.engine.gate.clear()
    waiting = asyncio.create_task(world.client.post("/vectorize", json={"texts": ["a"]}))
    assert await asyncio.to_thread(world.engine.entered.wait, 5)
    answer = await world.client.post("/vectorize", json={"texts": ["b"]})
    world.engine.gate.set()
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) >= 1
    assert "queue is full" in answer.json()["error"]
    assert (await waiting).status_code == 200
    world.service.stop()


async def test_bodies_count_against_the_bytes_that_may_be_held() -> None:
    world = await World(max_queue_bytes=100_000).ready()
    answer = await world.client.post("/vectorize", json={"texts": ["a" * 200_000]})
    assert answer.status_code == 413
    assert "bytes" in answer.json()["error"]
    assert world.service.scheduler.bytes_held.held == 0
    world.service.stop()


async def test_a_model_that_cannot_be_loaded_is_told_everywhere() -> None:
    world = World()

    def fail(*_: object) -> FakeEngine:
        raise OSError("no space left in /cache")

    world.service._load = fail
    world.service.start()
    async with asyncio.timeout(5):
        while not world.failures:  # noqa: ASYNC110  (there is no event to wait for)
            await asyncio.sleep(0.01)
    assert world.failures == ["no space left in /cache"]
    assert world.service.readiness.phase is Phase.FAILED
    answer = await world.client.post("/vectorize", json={"texts": ["a"]})
    assert answer.status_code == 503
    assert "no space left" in answer.json()["error"]


async def test_draining_is_for_ever(world: World) -> None:
    world.service.drain()
    assert (await world.client.get("/.well-known/ready")).status_code == 503
    assert (await world.client.post("/vectorize", json={"texts": ["a"]})).status_code == 200
    world.service.stop()
    answer = await world.client.post("/vectorize", json={"texts": ["a"]})
    assert answer.status_code == 503
    assert (await world.client.get("/.well-known/live")).status_code == 204


@pytest.mark.parametrize("kind", SUBCLASSES)
async def test_every_error_is_sent_with_its_status(world: World, kind: type[BindError]) -> None:
    @world.app.get("/raise")
    async def fail() -> None:
        raise kind("told to the client")

    answer = await world.client.get("/raise")
    assert answer.status_code == kind.status
    assert answer.json() == {"error": "told to the client"}
    assert answer.headers.get("retry-after") == (str(kind.retry_after_s) if kind.retry_after_s else None)


async def test_the_documentation_promises_the_statuses_that_are_sent(world: World) -> None:
    paths = (await world.client.get("/openapi.json")).json()["paths"]
    promised = {int(status) for status in paths["/vectorize"]["post"]["responses"]}
    assert {int(kind.status) for kind in SUBCLASSES} <= promised
