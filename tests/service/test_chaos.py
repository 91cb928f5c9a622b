"""Many clients at once, a fifth of their requests bad, some hanging up: every good item is right, no 5xx."""

import asyncio

import httpx
import pytest

from bind_inference.modality import Modality
from support.chaos import run_chaos
from support.samples import Expected, encoded
from support.server import ServerProcess

SHORT = 400
"""Requests; `make soak` sends 10,000 and watches memory and /meta too."""


async def test_every_good_request_among_bad_ones_is_right(running: ServerProcess, expected: Expected) -> None:
    outcome = await run_chaos(running.url, expected, SHORT)
    assert not outcome.faults
    assert outcome.done == SHORT
    assert outcome.refused == SHORT / 5
    assert outcome.hung_up > 0
    assert outcome.good_items > SHORT / 2


async def test_clients_that_hang_up_leave_nothing_behind(
    running: ServerProcess, async_client: httpx.AsyncClient
) -> None:
    async def hang_up(number: int) -> None:
        body = {
            "video": [encoded(Modality.VIDEO, "wide_25fps_6s.mp4", number)],
            "images": [encoded(Modality.IMAGE, "alpha.png", number)],
        }
        try:
            async with httpx.AsyncClient(base_url=running.url, timeout=0.02 + 0.01 * number) as client:
                await client.post("/vectorize", json=body)
        except httpx.TimeoutException:
            pass

    await asyncio.gather(*(hang_up(number) for number in range(30)))
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
