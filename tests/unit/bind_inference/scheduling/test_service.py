"""One server without its network: how large its batches are, what a stop does to bodies that are read."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from bind_inference.engine.precision import Precision
from bind_inference.errors import Draining
from bind_inference.items.bodies import Endpoint
from bind_inference.items.shared_memory import Shared
from bind_inference.scheduling.service import Service
from bind_inference.scheduling.sizing import max_batch_gflop, max_batch_size
from bind_inference.settings import Settings
from support.fake_engine import FakeDecoders, FakeEngine


@pytest.mark.parametrize(
    ("precision", "amx", "given", "most"),
    [
        (Precision.FLOAT32, True, {}, 350),
        (Precision.BFLOAT16, True, {}, 700),
        (Precision.INT8, True, {}, 700),
        (Precision.BFLOAT16, False, {}, 350),
        (None, True, {}, 350),  # not known yet: a video's parts fit whatever it will be
        (Precision.INT8, True, {"max_batch_gflop": 90}, 90),
        (Precision.FLOAT16, True, {"enable_cuda": True}, 21_000),
    ],
)
def test_a_batch_is_as_large_as_it_may_hold_up_the_others(
    precision: Precision | None, amx: bool, given: dict[str, Any], most: float
) -> None:
    assert max_batch_gflop(Settings(model="Tiny", **given), precision, amx=amx) == most


@pytest.mark.parametrize(
    ("given", "most"),
    [({}, 32), ({"enable_cuda": True}, 256), ({"enable_cuda": True, "max_batch_size": 8}, 8)],
)
def test_a_gpu_takes_more_texts_at_once(given: dict[str, Any], most: int) -> None:
    assert max_batch_size(Settings(model="Tiny", **given)) == most


class Busy(FakeDecoders):
    """Never comes to a body."""

    def read(self, *_: object) -> None:
        """Take it, and that is all."""


async def started(decoders: Callable[[], FakeDecoders]) -> Service:
    service = Service(
        Settings(model="Tiny"), lambda *_: FakeEngine(), lambda _: None, decoders=lambda *_: decoders()
    )
    service.start()
    async with asyncio.timeout(20):
        while not service.readiness.ready:  # noqa: ASYNC110  (nothing tells)
            await asyncio.sleep(0.01)
    return service


def large() -> Shared:
    body = Shared()
    body.write(b'{"texts":["a"]}')
    return body


async def test_a_body_that_waits_to_be_read_is_refused_when_the_server_stops() -> None:
    service = await started(Busy)
    waiting = asyncio.create_task(service.parse(Endpoint.VECTORIZE, large()))
    await asyncio.sleep(0.02)
    assert not waiting.done()
    service.stop()
    with pytest.raises(Draining, match="the server stops"):
        await asyncio.wait_for(waiting, 5)


async def test_so_is_one_that_arrives_later() -> None:
    service = await started(FakeDecoders)
    assert len((await service.parse(Endpoint.VECTORIZE, large())).items) == 1
    service.stop()
    with pytest.raises(Draining, match="the server stops"):
        await asyncio.wait_for(service.parse(Endpoint.VECTORIZE, large()), 5)
