"""What may be held at once, in items and in bytes."""

import asyncio
import base64

import pytest

from bind_inference.errors import MediaTooLarge, QueueFull
from bind_inference.modality import Modality
from bind_inference.scheduling.scheduler import Scheduler, SchedulerConfig
from bind_inference.telemetry.metrics import Metrics
from support.fake_engine import FakeDecoders, FakeEngine
from support.scheduling import TEXT, blocked, image, lengths, running, scheduler


async def test_a_full_queue_refuses_all_of_a_request_and_then_recovers(engine: FakeEngine) -> None:
    queue = scheduler(engine, max_items=3)
    engine.gate.clear()
    waiting = asyncio.create_task(queue.embed([(TEXT, "a"), (TEXT, "b")]))
    await running(engine)
    with pytest.raises(QueueFull):
        await queue.embed([(TEXT, "c"), (TEXT, "d")])
    engine.gate.set()
    await waiting
    assert lengths(await queue.embed([(TEXT, "c"), (TEXT, "d")])) == [1, 1]
    assert [list(texts) for _, texts in engine.batches] == [["a", "b"], ["c", "d"]], "nothing was queued"


async def test_decoded_items_are_bounded_in_bytes(engine: FakeEngine) -> None:
    queue = scheduler(engine, max_bytes=42_000_000)  # two videos, and what is kept for texts
    engine.gate.clear()
    video = Modality.VIDEO, base64.b64encode(b"v").decode()
    waiting = [asyncio.create_task(queue.embed([video])) for _ in range(2)]
    await running(engine)
    with pytest.raises(QueueFull, match="bytes"):
        await queue.embed([video])
    texts = asyncio.create_task(queue.embed([(TEXT, "a"), (TEXT, "b")]))
    await asyncio.sleep(0.02)
    assert not texts.done(), "texts wait for the model, they are not refused"
    engine.gate.set()
    await asyncio.gather(*waiting, texts)


async def test_the_size_of_an_item_is_bounded(engine: FakeEngine) -> None:
    queue = Scheduler(engine, FakeDecoders(max_item_bytes=3), SchedulerConfig(), Metrics())
    (outcome,) = await queue.embed([image("abcd")])
    assert isinstance(outcome, MediaTooLarge)


async def test_each_request_holds_its_own_share_of_the_budgets(engine: FakeEngine) -> None:
    queue = scheduler(engine, max_items=3)
    blocker = await blocked(engine, queue)
    shares = [asyncio.create_task(queue.embed([(TEXT, "shared")])) for _ in range(2)]
    await asyncio.sleep(0.02)
    with pytest.raises(QueueFull):
        await queue.embed([(TEXT, "shared")])
    engine.gate.set()
    await asyncio.gather(blocker, *shares)
