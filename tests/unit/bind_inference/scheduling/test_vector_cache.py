"""A vector that was computed before comes from the cache."""

import asyncio

import pytest

from bind_inference.errors import QueueFull
from bind_inference.items.embedding import Embedding
from bind_inference.scheduling.scheduler import Scheduler, SchedulerConfig
from bind_inference.telemetry.metrics import Metrics
from support.fake_engine import FakeDecoders, FakeEngine
from support.scheduling import TEXT, blocked, image, lengths, scheduler


async def test_a_vector_asked_for_again_comes_from_the_cache_bit_for_bit(engine: FakeEngine) -> None:
    metrics = Metrics()
    queue = Scheduler(engine, FakeDecoders(), SchedulerConfig(cache_bytes=1 << 20), metrics)
    first = await queue.embed([image("a"), (TEXT, "two words")])
    again = await queue.embed([(TEXT, "two words"), image("a")])
    for one, two in zip(first, reversed(again), strict=True):
        assert isinstance(one, Embedding)
        assert isinstance(two, Embedding)
        assert one.vector.tobytes() == two.vector.tobytes()
        assert one.tokens == two.tokens
    assert len(engine.batches) == 2
    read = metrics.registry.get_sample_value
    for modality in ("text", "image"):
        assert read("bind_cache_hits_total", {"modality": modality}) == 1
        assert read("bind_cache_misses_total", {"modality": modality}) == 1
    assert read("bind_cache_vectors") == 2
    assert read("bind_cache_bytes") == queue._cache.held_bytes > 0
    assert read("bind_items_total", {"modality": "text", "outcome": "ok"}) == 2


async def test_a_cached_vector_is_given_while_the_queue_is_full(engine: FakeEngine) -> None:
    queue = scheduler(engine, cache_bytes=1 << 20, max_items=1)
    await queue.embed([(TEXT, "known")])
    blocker = await blocked(engine, queue)
    assert lengths(await asyncio.wait_for(queue.embed([(TEXT, "known")] * 100), 1)) == [5] * 100
    with pytest.raises(QueueFull):
        await queue.embed([(TEXT, "unknown")])
    engine.gate.set()
    await blocker


async def test_without_a_cache_nothing_is_kept(engine: FakeEngine) -> None:
    queue = scheduler(engine, cache_bytes=0)
    await queue.embed([(TEXT, "a")])
    await queue.embed([(TEXT, "a")])
    assert len(engine.batches) == 2
