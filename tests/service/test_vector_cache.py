"""The vector cache of the real server, and probes while large items are hashed."""

import asyncio
import base64
import time

import httpx
import numpy as np

from bind_inference.modality import Modality
from support.samples import encoded
from support.server import ServerProcess


def read(client: httpx.Client, name: str) -> float:
    lines = client.get("/metrics").text.splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))


def test_the_second_answer_is_the_first_byte_for_byte_and_computes_nothing(client: httpx.Client) -> None:
    body = {
        "texts": ["asked for twice", "asked for twice"],
        "images": [encoded(Modality.IMAGE, "landscape.jpg")],
        "video": [encoded(Modality.VIDEO, "short_25fps_1s.mp4")],
    }
    first = client.post("/vectorize", json=body)
    passes, hits = read(client, "bind_forward_seconds_count"), read(client, "bind_cache_hits_total")
    second = client.post("/vectorize", json=body)
    assert first.status_code == second.status_code == 200
    assert first.content == second.content
    assert read(client, "bind_forward_seconds_count") == passes
    assert read(client, "bind_cache_hits_total") == hits + 4
    assert 0 < read(client, "bind_cache_bytes") < read(client, "bind_cache_limit_bytes")


def test_openai_clients_see_the_tokens_of_cached_texts_too(client: httpx.Client) -> None:
    asked = {"input": ["four words of text"], "model": "Tiny"}
    first, second = (client.post("/v1/embeddings", json=asked).json() for _ in range(2))
    assert first == second
    assert first["usage"]["prompt_tokens"] > 4


async def test_identical_items_at_once_are_computed_once(async_client: httpx.AsyncClient) -> None:
    async def decoded() -> float:
        text = (await async_client.get("/metrics")).text
        name = 'bind_decode_seconds_count{modality="video"}'
        return next(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name))

    video = base64.b64decode(encoded(Modality.VIDEO, "wide_25fps_6s.mp4")) + b"computed once"
    body = {"video": [base64.b64encode(video).decode()]}
    before = await decoded()
    answers = await asyncio.gather(*(async_client.post("/vectorize", json=body) for _ in range(16)))
    assert [answer.status_code for answer in answers] == [200] * 16
    assert len({answer.content for answer in answers}) == 1
    assert await decoded() == before + 1


async def test_probes_answer_while_large_items_are_hashed(
    running: ServerProcess, async_client: httpx.AsyncClient
) -> None:
    # 30 MB of base64 each; not media, so that all of their cost is reading and hashing
    large = [base64.b64encode(bytes([number]) * 22_000_000).decode() for number in range(3)]
    load = [asyncio.create_task(async_client.post("/vectorize", json={"images": [item]})) for item in large]
    times: list[float] = []
    async with httpx.AsyncClient(base_url=running.url, timeout=30) as prober:
        while not all(task.done() for task in load):
            start = time.perf_counter()
            assert (await prober.get("/meta")).status_code == 200
            times.append(time.perf_counter() - start)
            await asyncio.sleep(0.002)
    assert {(await task).status_code for task in load} <= {415, 422}
    assert np.quantile(times, 0.95) < 0.5
