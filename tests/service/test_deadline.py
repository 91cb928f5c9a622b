"""A request that is not done in time: an answer that names the limit, and nothing of it goes on."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from support.decoder_processes import busy, workers
from support.http_workers import metric
from support.server import ServerProcess, server
from support.waiting import becomes

LIMIT_S = 2.0
SLOW = "&" + "amp;" * 20_000  # some ten seconds
TOLD = (
    "the request was not done within 2 s, the limit (--request-timeout-s, BIND_REQUEST_TIMEOUT_S); "
    "what was left of it is dropped: send fewer or smaller items at once"
)


@pytest.fixture(scope="module", params=["0", "1"], ids=["alone", "HTTP workers"])
def hurried(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerProcess]:
    """Return a server that gives no request more than two seconds."""
    arguments = (
        "--request-timeout-s",
        str(LIMIT_S),
        "--decode-workers",
        "2",
        "--http-workers",
        request.param,
    )
    with server(tmp_path_factory.mktemp("hurried"), *arguments) as process:
        yield process


@pytest.mark.parametrize("wide", [0, 2 << 20], ids=["small", "large"])
async def test_it_is_504_and_the_decoders_are_free_again(hurried: ServerProcess, wide: int) -> None:
    texts = [f"{SLOW} {number}" for number in range(20)]
    began = time.monotonic()
    async with httpx.AsyncClient(base_url=hurried.url, timeout=60) as client:
        answer = await client.post("/vectorize", json={"texts": [*texts, " " * wide]})
        seconds = time.monotonic() - began
        assert (answer.status_code, answer.json()) == (504, {"error": TOLD})
        assert "retry-after" not in answer.headers
        assert LIMIT_S <= seconds < LIMIT_S + 4
        await becomes(lambda: held(hurried) == 0)
        await becomes(lambda: not busy(decoders(hurried)))
        assert (await client.post("/vectorize", json={"texts": ["b" * 3000]})).status_code == 200


def test_openais_shape_too(hurried: ServerProcess) -> None:
    answer = httpx.post(f"{hurried.url}/v1/embeddings", json={"input": [SLOW]}, timeout=60)
    assert answer.status_code == 504
    error = json.loads(answer.content)["error"]
    assert (error["type"], error["code"], error["message"]) == ("server_error", "deadline_exceeded", TOLD)


def decoders(process: ServerProcess) -> list[int]:
    """Return the decoder processes, which are the fork server's children."""
    return [pid for pid in workers(process.process.pid) if Path(f"/proc/{pid}/stat").exists()]


def held(process: ServerProcess) -> float:
    """Return what requests hold, and what waits for the model."""
    return metric(process.url, "bind_held{") + metric(process.url, "bind_queue_items{")
