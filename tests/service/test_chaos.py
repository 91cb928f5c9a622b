"""Many clients at once, a fifth of their requests bad, some hanging up: every good item is right, no 5xx."""

import asyncio
import random

import httpx
import pytest

from bind_inference.modality import Modality
from support.server import ServerProcess

from .conftest import SAMPLES, Expected, encoded

BAD: list[dict[str, object]] = [
    {"images": ["!"]},
    {"video": ["aGVsbG8="]},
    {"texts": "not a list"},
    {"audio": ["UklGRgAAAABXQVZF"]},
    {"imu": ["", "aGVsbG8="]},
    {"unknown": []},
]
GOOD = [(modality, name) for modality, names in SAMPLES.items() for name in names]


async def test_every_good_request_among_bad_ones_is_right(
    async_client: httpx.AsyncClient, expected: Expected
) -> None:
    dice = random.Random(7)
    plan = [None if index % 5 == 0 else dice.sample(GOOD, dice.randint(1, 3)) for index in range(160)]
    for modality, name in GOOD:
        expected.vector(modality, name)  # beforehand: this process shares the server's CPUs
    gate = asyncio.Semaphore(16)

    async def ask(wanted: list[tuple[Modality, str]] | None) -> None:
        if wanted is None:
            async with gate:
                answer = await async_client.post("/vectorize", json=dice.choice(BAD))
            assert answer.status_code in {400, 415, 422}, answer.text
            assert answer.json()["error"]
            return
        body: dict[str, list[str]] = {}
        for modality, name in wanted:
            body.setdefault(modality.plural, []).append(encoded(modality, name))
        async with gate:
            answer = await async_client.post("/vectorize", json=body)
        assert answer.status_code == 200, answer.text
        vectors = {modality: iter(answer.json()[modality.vector_key]) for modality in Modality}
        for modality, name in wanted:
            expected.check(modality, name, next(vectors[modality]))

    await asyncio.gather(*(ask(wanted) for wanted in plan))


async def test_clients_that_hang_up_leave_nothing_behind(
    running: ServerProcess, async_client: httpx.AsyncClient
) -> None:
    body = {
        "video": [encoded(Modality.VIDEO, "wide_25fps_6s.mp4")],
        "images": [encoded(Modality.IMAGE, "alpha.png")],
    }

    async def hang_up(after_s: float) -> None:
        try:
            async with httpx.AsyncClient(base_url=running.url, timeout=after_s) as client:
                await client.post("/vectorize", json=body)
        except httpx.TimeoutException:
            pass

    await asyncio.gather(*(hang_up(0.02 + 0.01 * index) for index in range(30)))
    for _ in range(600):
        if 'bind_held{unit="items"} 0.0' in (await async_client.get("/metrics")).text:
            break
        await asyncio.sleep(0.1)
    else:
        pytest.fail("items of clients that hung up are held for ever")
    metrics = (await async_client.get("/metrics")).text
    assert 'bind_requests_total{path="/vectorize",status="499"}' in metrics
    assert 'status="5' not in "".join(line for line in metrics.splitlines() if "/vectorize" in line)
    assert (await async_client.post("/vectorize", json={"texts": ["still there"]})).status_code == 200


async def test_half_a_request_is_no_trouble(running: ServerProcess, async_client: httpx.AsyncClient) -> None:
    for head in (
        b"",
        b"POST",
        b"POST /vectorize HTTP/1.1\r\nContent-Length: 1000\r\n\r\n{",
        b"\0\1\2\r\n\r\n",
    ):
        _, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writer.write(head)
        await writer.drain()
        writer.close()
    assert (await async_client.get("/.well-known/live")).status_code == 204
    assert not [event for event in running.events() if event["level"] == "ERROR"]
