"""Lanes of the engine run side by side: a text does not wait for pictures."""

import asyncio
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from bind_inference.engine.protocol import Computed, Lane, no_pause
from bind_inference.modality import Modality
from bind_inference.scheduling.policy.batching import Policy
from bind_inference.service_class import KINDS, kind_of
from support.fake_engine import FakeEngine
from support.scheduling import TEXT, image, lengths, scheduler
from support.waiting import becomes


class TwoLanes(FakeEngine):
    """Pictures wait at a gate of their own, in a lane that is two batches deep."""

    def __init__(self) -> None:
        super().__init__()
        texts = tuple(kind for kind in KINDS if kind.modality is TEXT)
        self.lanes = (Lane(texts, 2), Lane(tuple(kind for kind in KINDS if kind not in texts), 2))
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


class Pausing(FakeEngine):
    """A picture pauses until a test lets it go on; queries by text run meanwhile, in the same thread."""

    def __init__(self) -> None:
        super().__init__()
        queries = (kind_of(TEXT, 1),)
        others = tuple(kind for kind in KINDS if kind not in queries)
        self.lanes = (Lane(queries, in_pauses=True), Lane(others))
        self.goes_on = threading.Event()
        self.begun = threading.Event()
        self.threads = defaultdict[Modality, set[int]](set)

    def start(
        self,
        modality: Modality,
        tensors: Sequence[str],
        device: int = 0,
        pause: Callable[[], None] = no_pause,
    ) -> Computed:
        self.threads[modality].add(threading.get_ident())
        if modality is not TEXT:
            self.begun.set()
            while not self.goes_on.wait(0.001):
                pause()
        return super().start(modality, tensors, device)


async def test_a_query_is_answered_in_a_pause_of_a_picture_and_an_import_of_texts_is_not() -> None:
    engine = Pausing()
    queue = scheduler(engine)
    picture = asyncio.create_task(queue.embed([image("a picture")]))
    assert await asyncio.to_thread(engine.begun.wait, 5)
    many = asyncio.create_task(queue.embed([(TEXT, f"text {number}") for number in range(9)]))
    for number in range(3):
        assert lengths(await asyncio.wait_for(queue.embed([(TEXT, f"query {number}")]), 5)) == [7]
    assert not picture.done()
    assert not many.done()
    engine.goes_on.set()
    assert lengths(await asyncio.wait_for(picture, 5)) == [9]
    assert lengths(await asyncio.wait_for(many, 5)) == [6] * 9
    assert not any(lane.running for lane in queue._lanes)


async def test_a_query_goes_to_a_thread_that_is_free_before_it_waits_for_a_pause() -> None:
    engine = Pausing()
    engine.lanes = tuple(replace(lane, device=number) for number in range(2) for lane in engine.lanes)
    queue = scheduler(engine)
    assert len(queue._workers) == 2
    picture = asyncio.create_task(queue.embed([image("a picture")]))
    assert await asyncio.to_thread(engine.begun.wait, 5)
    query = asyncio.create_task(queue.embed([(TEXT, "a query")]))
    assert lengths(await asyncio.wait_for(query, 5)) == [7]
    (of_picture,), (of_query,) = engine.threads[Modality.IMAGE], engine.threads[TEXT]
    assert of_picture != of_query
    other = asyncio.create_task(queue.embed([image("another picture")]))
    engine.goes_on.set()
    assert lengths(await asyncio.wait_for(picture, 5)) == [9]
    assert lengths(await asyncio.wait_for(other, 5)) == [15]


async def test_the_outcomes_of_a_large_batch_leave_room_for_others() -> None:
    engine = FakeEngine()
    engine.gate.clear()
    queue = scheduler(engine, policy=Policy(max_batch_gflop=1e6, max_batch_size=64))
    first = asyncio.create_task(queue.embed([image("the first of all")]))
    assert await asyncio.to_thread(engine.entered.wait, 5)
    order: list[int] = []
    asked = [asyncio.create_task(queue.embed([image("a" * number)])) for number in range(1, 65)]
    for number, task in enumerate(asked):
        task.add_done_callback(lambda _, number=number: order.append(number))  # type: ignore[misc]
    other = asyncio.get_running_loop().call_soon
    asked[0].add_done_callback(lambda _: other(lambda: order.append(-1)))
    await becomes(lambda: queue._batcher.depth(Modality.IMAGE) == 64)
    engine.gate.set()
    await asyncio.gather(first, *asked)
    assert len(engine.batches[-1][1]) == 64
    assert sorted(order) == list(range(-1, 64))
    assert order.index(-1) <= 24, "what comes when the first is answered does not wait for the last"


class TwoDevices(FakeEngine):
    """Each has one lane, two batches deep, and notes what it is given; batches wait at a gate."""

    def __init__(self) -> None:
        super().__init__()
        self.lanes = tuple(Lane(KINDS, 2, device) for device in range(2))
        self.given: list[int] = []

    def start(
        self,
        modality: Modality,
        tensors: Sequence[str],
        device: int = 0,
        pause: Callable[[], None] = no_pause,
    ) -> Computed:
        self.given.append(device)
        return super().start(modality, tensors)


async def test_each_device_has_a_batch_before_one_has_two() -> None:
    engine = TwoDevices()
    engine.gate.clear()
    queue = scheduler(engine, policy=Policy(max_batch_size=2))
    asked = [asyncio.create_task(queue.embed([(TEXT, "a" * n)])) for n in range(1, 9)]
    await becomes(lambda: len(engine.given) == 2)
    assert [len(lane.running) for lane in queue._lanes] == [2, 2]
    assert sorted(engine.given) == [0, 1], "the first of each; the second waits behind it"
    engine.gate.set()
    assert [lengths(await task)[0] for task in asked] == list(range(1, 9))
    assert sorted(engine.given) == [0, 0, 1, 1]


async def test_with_little_to_do_one_device_does_it() -> None:
    engine = TwoDevices()
    queue = scheduler(engine)
    for _ in range(3):
        assert lengths(await queue.embed([(TEXT, f"four{_}")])) == [5]
    assert len(engine.given) == 3
