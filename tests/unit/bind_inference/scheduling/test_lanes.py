"""Lanes of the engine run side by side: a text does not wait for pictures."""

import asyncio
import threading
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from bind_inference.engine.protocol import Lane
from bind_inference.modality import Modality
from support.fake_engine import FakeEngine
from support.scheduling import TEXT, image, lengths, scheduler


class TwoLanes(FakeEngine):
    """Pictures wait at a gate of their own, in a lane that is two batches deep."""

    def __init__(self) -> None:
        super().__init__()
        self.lanes = (Lane((TEXT,), 2), Lane(tuple(one for one in Modality if one is not TEXT), 2))
        self.pictures = threading.Event()
        self.begun = threading.Semaphore(0)

    def forward(self, modality: Modality, tensors: Sequence[str]) -> npt.NDArray[np.float32]:
        if modality is not TEXT:
            self.begun.release()
            assert self.pictures.wait(10)
        return super().forward(modality, tensors)


async def test_a_text_is_answered_while_pictures_are_computed() -> None:
    engine = TwoLanes()
    queue = scheduler(engine)
    pictures = asyncio.create_task(queue.embed([image("a picture")]))
    assert await asyncio.to_thread(engine.begun.acquire, timeout=5)
    assert lengths(await asyncio.wait_for(queue.embed([(TEXT, "four")]), 5)) == [4]
    assert not pictures.done()
    engine.pictures.set()
    assert lengths(await asyncio.wait_for(pictures, 5)) == [9]


async def test_pictures_that_hang_up_under_way_leave_nothing_behind() -> None:
    engine = TwoLanes()
    queue = scheduler(engine)
    pictures = asyncio.create_task(queue.embed([image("a picture")]))
    assert await asyncio.to_thread(engine.begun.acquire, timeout=5)
    pictures.cancel()
    await asyncio.gather(pictures, return_exceptions=True)
    engine.pictures.set()
    assert lengths(await asyncio.wait_for(queue.embed([image("another one")]), 5)) == [11]
    assert not any(lane.running for lane in queue._lanes)
