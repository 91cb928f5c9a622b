"""The application around a fake engine: what the real process can hardly be brought to show."""

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from bind_inference import __version__
from bind_inference.errors import BindError
from bind_inference.http import responses
from bind_inference.http.app import create_app
from bind_inference.readiness import Amount, Phase, Readiness
from bind_inference.scheduling.service import Service
from bind_inference.settings import Settings
from support.fake_engine import FakeDecoders, FakeEngine

from ..test_errors import SUBCLASSES


class World:
    """A service on a fake engine, and a client that calls it without a socket."""

    def __init__(self, **settings: object) -> None:
        self.engine = FakeEngine()
        self.failures: list[str] = []
        self.service = Service(
            Settings(model="Tiny", **settings),  # type: ignore[arg-type]
            lambda _settings, _report: self.engine,
            on_failure=self.failures.append,
            decoders=lambda _settings, _restarted: FakeDecoders(),
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


async def test_meta_tells_how_far_a_download_is() -> None:
    world = World()
    assert (await world.client.get("/meta")).json()["progress"] is None
    world.service.readiness = Readiness(
        Phase.DOWNLOADING, "download", 0.42, Amount(1_900_000_000, 4_500_000_000, 171.26)
    )
    meta = (await world.client.get("/meta")).json()
    assert (meta["state"], meta["progress"]) == (
        "Downloading",
        {"done_bytes": 1_900_000_000, "total_bytes": 4_500_000_000, "seconds_left": 171.3},
    )


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


async def test_announced_bytes_hold_nothing_until_they_arrive() -> None:
    world = await World(max_queue_bytes=10_000_000, max_request_bytes=5_000_000).ready()
    arrived = asyncio.Event()
    ended = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b" " * 1000
        arrived.set()
        await ended.wait()
        yield b"{}"

    head = {"content-length": "5000000"}
    waiting = [
        asyncio.create_task(world.client.post("/vectorize", content=body(), headers=head)) for _ in range(8)
    ]
    await arrived.wait()
    async with asyncio.timeout(5):
        while world.service.bodies.held != 8 * 1000:  # noqa: ASYNC110  (there is no event to wait for)
            await asyncio.sleep(0.01)
    assert (await world.client.post("/vectorize", json={"texts": ["a"]})).status_code == 200
    ended.set()
    assert [(await task).status_code for task in waiting] == [200] * 8
    assert world.service.bodies.held == 0
    world.service.stop()


async def test_large_bodies_leave_room_for_texts() -> None:
    world = await World(max_queue_bytes=8_000_000).ready()
    with world.service.bodies.hold(6_990_000):
        large = await world.client.post("/vectorize", content=b" " * 70_000 + b"{}")
        assert (large.status_code, large.headers["retry-after"]) == (429, "1")
        assert (await world.client.post("/vectorize", json={"texts": ["a"]})).status_code == 200
    world.service.stop()


async def test_vectors_are_held_of_the_budget_until_they_are_sent() -> None:
    world = await World(max_queue_bytes=8_000_000).ready()
    seen: list[int] = []
    inner = world.app.router

    async def noting(scope: Any, receive: Any, send: Any) -> None:
        async def note(message: Any) -> None:
            seen.append(world.service.bodies.held)
            await send(message)

        await inner(scope, receive, note)

    world.app.router = noting  # type: ignore[assignment]
    body = json.dumps({"texts": [f"{number}" for number in range(1024)]}).encode()
    assert (await world.client.post("/vectorize", content=body)).status_code == 200
    assert set(seen) == {len(body) + 1024 * 4 * 4}
    assert world.service.bodies.held == 0
    world.service.stop()


LENIENT = {"Prefer": "handling=lenient"}


async def test_one_bad_item_of_many_costs_its_own_vector_alone(world: World) -> None:
    texts = [f"good {number}" for number in range(1024)]
    texts[700] = "bad"
    answer = await world.client.post("/vectorize", json={"texts": texts}, headers=LENIENT)
    assert answer.status_code == 200
    assert answer.headers["preference-applied"] == "handling=lenient"
    found = answer.json()
    assert [index for index, vector in enumerate(found["textVectors"]) if vector is None] == [700]
    assert len(found["textVectors"]) == 1024
    assert found["errors"] == [
        {"field": "texts", "index": 700, "status": 422, "code": "invalid_item", "message": "not a good one"}
    ]
    strict = await world.client.post("/vectorize", json={"texts": texts})
    assert strict.status_code == 422
    assert strict.json() == {"error": "texts[700]: not a good one"}
    assert "preference-applied" not in strict.headers


async def test_lenient_answers_have_their_errors_though_there_are_none(world: World) -> None:
    for value in ("handling=lenient", 'a, Handling = "lenient"; x=1', "HANDLING=LENIENT,wait=5"):
        answer = await world.client.post("/vectorize", json={"texts": ["a"]}, headers={"Prefer": value})
        assert answer.json()["errors"] == []
    for value in ("handling=strict", "handling", "xhandling=lenient", ""):
        answer = await world.client.post("/vectorize", json={"texts": ["a"]}, headers={"Prefer": value})
        assert "errors" not in answer.json()


async def test_one_bad_input_of_openais_shape_costs_its_own_vector_alone(world: World) -> None:
    given = ["a", "bad", {"smell": "x"}, "data:image/gif,x", {"text": "b"}]
    answer = await world.client.post("/v1/embeddings", json={"input": given}, headers=LENIENT)
    assert answer.status_code == 200
    assert answer.headers["preference-applied"] == "handling=lenient"
    found = answer.json()
    assert [row["index"] for row in found["data"]] == [0, 1, 2, 3, 4]
    assert [row["index"] for row in found["data"] if row["embedding"] is None] == [1, 2, 3]
    assert found["errors"][0] == {
        "index": 1, "status": 422, "message": "not a good one", "type": "invalid_request_error",
        "param": "input[1]", "code": "invalid_item",
    }  # fmt: skip
    assert [(error["index"], error["status"]) for error in found["errors"]] == [(1, 422), (2, 400), (3, 422)]
    assert found["errors"][1]["message"].startswith("'smell' is no kind of item")
    strict = await world.client.post("/v1/embeddings", json={"input": given})
    assert strict.status_code == 422
    assert "preference-applied" not in strict.headers
    good = await world.client.post("/v1/embeddings", json={"input": ["a", "b"]}, headers=LENIENT)
    assert good.json()["errors"] == []
    assert [row["embedding"] for row in good.json()["data"]] == [
        row["embedding"] for row in found["data"] if row["embedding"]
    ]


async def test_what_is_wrong_with_a_whole_request_is_an_error_for_lenient_clients_too(world: World) -> None:
    assert (await world.client.post("/vectorize", content=b"{", headers=LENIENT)).status_code == 400
    assert (
        await world.client.post("/vectorize", json={"texts": ["bug"]}, headers=LENIENT)
    ).status_code == 500
    wrong_model = {"input": ["a"], "model": "other"}
    assert (await world.client.post("/v1/embeddings", json=wrong_model, headers=LENIENT)).status_code == 400
    world.service.stop()
    answer = await world.client.post("/vectorize", json={"texts": ["a", "b"]}, headers=LENIENT)
    assert answer.status_code == 503


async def test_a_long_answer_is_the_same_in_parts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    body = {"texts": [f"text {number}" * (number % 7) for number in range(400)], "images": ["aGVsbG8="]}
    whole = await world.client.post("/vectorize", json=body)
    assert "content-length" in whole.headers
    monkeypatch.setattr(responses, "PART_NUMBERS", 64)
    parts = await world.client.post("/vectorize", json=body)
    assert "content-length" not in parts.headers
    assert parts.headers["content-type"] == "application/json"
    assert parts.json() == whole.json()


async def test_a_model_that_cannot_be_loaded_is_named_everywhere() -> None:
    world = World()

    def fail(*_: object) -> FakeEngine:
        raise OSError("no space left in /cache")

    world.service._load_engine = fail
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
        raise kind("for the client")

    answer = await world.client.get("/raise")
    assert answer.status_code == kind.status
    assert answer.json() == {"error": "for the client"}
    assert answer.headers.get("retry-after") == (str(kind.retry_after_s) if kind.retry_after_s else None)


async def test_the_documentation_promises_the_statuses_that_are_sent(world: World) -> None:
    paths = (await world.client.get("/openapi.json")).json()["paths"]
    promised = {int(status) for status in paths["/vectorize"]["post"]["responses"]}
    assert {int(kind.status) for kind in SUBCLASSES} <= promised


async def test_a_request_keeps_the_id_that_it_came_with(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    given = {"X-Request-ID": "shop-17.a_B"}
    answer = await world.client.post("/vectorize", json={"texts": ["bug"]}, headers=given)
    assert answer.headers["x-request-id"] == "shop-17.a_B"
    assert "request shop-17.a_B" in answer.json()["error"]


@pytest.mark.parametrize("given", ["", "a b", "a" * 129, 'a"b', "é", "../../x"])
async def test_an_id_that_could_do_harm_is_replaced(world: World, given: str) -> None:
    headers = [(b"X-Request-ID", given.encode())]
    ids = {(await world.client.get("/meta", headers=headers)).headers["x-request-id"] for _ in range(3)}
    assert len(ids) == 3
    assert given not in ids
    assert all(re.fullmatch(r"[0-9a-f]{8}-[0-9]+", made) for made in ids)


async def test_what_is_served_is_a_metric(world: World) -> None:
    text = (await world.client.get("/metrics")).text
    labels = f'device="cpu",model="Fake",precision="float32",version="{__version__}"'
    (line,) = [line for line in text.splitlines() if line.startswith("bind_build_info")]
    found = line.removeprefix("bind_build_info{").removesuffix("} 1.0")
    assert sorted(found.split(",")) == labels.split(",")


async def test_a_vector_asked_for_again_is_the_same_in_the_answer(world: World) -> None:
    first, again = [
        (await world.client.post("/vectorize", json={"texts": ["a", "b"]})).content for _ in range(2)
    ]
    assert first == again
    assert len(world.engine.batches) <= 2
