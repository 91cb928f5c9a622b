"""Items whose client hung up are not computed, and their memory is released."""

import asyncio
import gc
import weakref
from collections.abc import Callable

import pytest

from bind_inference.decoders.decoding import Decoded
from bind_inference.items.shared_memory import Blob
from bind_inference.items.slices import Slice
from bind_inference.modality import Modality
from bind_inference.scheduling.scheduler import Scheduler, SchedulerConfig
from bind_inference.telemetry.metrics import Metrics
from support.fake_engine import FakeDecoders, FakeEngine
from support.scheduling import TEXT, blocked, image, lengths, running, scheduler


async def test_items_whose_client_hung_up_are_not_computed(engine: FakeEngine) -> None:
    queue = scheduler(engine)
    engine.gate.clear()
    blocker = asyncio.create_task(queue.embed([(TEXT, "blocker")]))
    await running(engine)
    gone = asyncio.create_task(queue.embed([(TEXT, "gone"), image("gone")]))
    stays = asyncio.create_task(queue.embed([(TEXT, "stays")]))
    await asyncio.sleep(0.02)
    gone.cancel()
    engine.gate.set()
    await asyncio.gather(blocker, stays)
    assert engine.batches == [(TEXT, ["blocker"]), (TEXT, ["stays"])]
    assert queue.bytes_held.held == 0


class Array(str):
    """What stands for a decoded item here, but tells when it is gone."""


class Keeping(FakeDecoders):
    """Notes what it decodes; media are done when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.made: list[weakref.ref[Array]] = []
        self.finish: list[Callable[[], None]] = []

    def text(self, data: str) -> Decoded:
        array = Array(data)
        self.made.append(weakref.ref(array))
        return Decoded([Slice(array, 1, 1.0)])

    def decode(
        self,
        modality: Modality,
        data: str | Blob,
        wanted: object,
        done: Callable[..., None],
        asked_by: object = None,
        windows: object = None,
    ) -> None:
        self.finish.append(lambda: done(self.text(str(data)), 0.0))


async def test_what_was_decoded_for_a_client_that_hung_up_is_released_at_once(engine: FakeEngine) -> None:
    decoders = Keeping()
    queue = Scheduler(engine, decoders, SchedulerConfig(), Metrics())
    engine.gate.clear()
    tasks = [asyncio.create_task(queue.embed([(TEXT, "blocker")]))]
    await running(engine)
    tasks += [asyncio.create_task(queue.embed([(TEXT, text)])) for text in ("stays", "gone")]
    tasks.append(asyncio.create_task(queue.embed([image("gone while it is decoded")])))
    await asyncio.sleep(0.02)
    for task in tasks[2:]:
        task.cancel()
    await asyncio.sleep(0.02)
    decoders.finish[0]()
    await asyncio.sleep(0.02)
    gc.collect()
    held = [str(array) for ref in decoders.made if (array := ref()) is not None]
    del array
    assert held == ["blocker", "stays"]
    engine.gate.set()
    assert lengths([outcome for task in tasks[:2] for outcome in await task]) == [7, 5]


@pytest.mark.parametrize("goes", [0, 1])
async def test_a_client_that_hangs_up_takes_no_vector_from_another(engine: FakeEngine, goes: int) -> None:
    queue = scheduler(engine)
    blocker = await blocked(engine, queue)
    tasks = [asyncio.create_task(queue.embed([image("shared"), (TEXT, "shared")])) for _ in range(2)]
    await asyncio.sleep(0.05)
    tasks[goes].cancel()
    await asyncio.sleep(0)
    engine.gate.set()
    assert lengths(await tasks[1 - goes]) == [6, 6]
    await blocker
    with pytest.raises(asyncio.CancelledError):
        await tasks[goes]
    assert queue.bytes_held.held == 0


async def test_an_item_whose_clients_are_all_gone_is_not_computed(engine: FakeEngine) -> None:
    queue = scheduler(engine)
    blocker = await blocked(engine, queue)
    tasks = [asyncio.create_task(queue.embed([(TEXT, "gone"), image("gone")])) for _ in range(3)]
    await asyncio.sleep(0.05)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    engine.gate.set()
    await blocker
    await queue.embed([(TEXT, "later")])
    assert engine.batches == [(TEXT, ["blocker"]), (TEXT, ["later"])]
    assert len(queue._single_flight) == 0


async def test_an_abandoned_item_that_is_asked_for_again_is_computed(engine: FakeEngine) -> None:
    queue = scheduler(engine)
    blocker = await blocked(engine, queue)
    gone = asyncio.create_task(queue.embed([(TEXT, "again")]))
    await asyncio.sleep(0.02)
    gone.cancel()
    again = asyncio.create_task(queue.embed([(TEXT, "again")]))
    await asyncio.sleep(0.02)
    engine.gate.set()
    assert lengths(await asyncio.wait_for(again, 5)) == [5]
    await blocker
    assert engine.batches[1:] == [(TEXT, ["again"])]
