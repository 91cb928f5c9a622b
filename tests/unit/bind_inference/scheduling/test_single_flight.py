"""Identical items that are under way are computed once."""

import asyncio
import base64
import threading

import pytest

from bind_inference.errors import InvalidItem, NotReady
from bind_inference.items.embedding import Embedding, content_key
from bind_inference.modality import Modality
from bind_inference.scheduling.scheduler import Scheduler, SchedulerConfig
from bind_inference.telemetry.metrics import Metrics
from support.fake_engine import FakeDecoders, FakeEngine
from support.scheduling import IMAGE, TEXT, blocked, image, lengths, scheduler


async def test_the_same_item_twice_is_computed_once(engine: FakeEngine) -> None:
    one, two = await scheduler(engine).embed([image("a"), image("a")])
    assert isinstance(one, Embedding)
    assert one is two
    assert engine.batches == [(IMAGE, ["a"])]


async def test_identical_items_of_many_requests_are_computed_once(engine: FakeEngine) -> None:
    metrics = Metrics()
    queue = Scheduler(engine, FakeDecoders(), SchedulerConfig(), metrics)
    blocker = await blocked(engine, queue)
    same = [asyncio.create_task(queue.embed([image("a"), (TEXT, f"own {n}")])) for n in range(5)]
    await asyncio.sleep(0.05)
    engine.gate.set()
    vectors = [outcomes[0] for outcomes in await asyncio.gather(*same)]
    await blocker
    assert all(vector is vectors[0] for vector in vectors)
    assert sum(items.count("a") for _, items in engine.batches) == 1
    assert metrics.registry.get_sample_value("bind_single_flight_joins_total", {"modality": "image"}) == 4
    assert metrics.registry.get_sample_value("bind_items_total", {"modality": "image", "outcome": "ok"}) == 5


async def test_an_item_that_is_in_the_forward_pass_already_can_be_joined(engine: FakeEngine) -> None:
    queue = scheduler(engine)
    first = await blocked(engine, queue)
    second = asyncio.create_task(queue.embed([(TEXT, "blocker")]))
    await asyncio.sleep(0.02)
    engine.gate.set()
    assert (await first)[0] is (await second)[0]
    assert engine.batches == [(TEXT, ["blocker"])]


async def test_the_same_string_in_two_modalities_is_two_items(engine: FakeEngine) -> None:
    data = base64.b64encode(b"a").decode()
    await scheduler(engine).embed([(IMAGE, data), (Modality.DEPTH, data), (TEXT, data)])
    assert len(engine.batches) == 3


async def test_errors_are_shared_too_and_not_kept(engine: FakeEngine) -> None:
    queue = scheduler(engine, cache_bytes=1 << 20)
    outcomes = await asyncio.gather(*(queue.embed([image("bad"), (TEXT, "poison?")]) for _ in range(3)))
    assert all(isinstance(bad, InvalidItem) and isinstance(good, Embedding) for bad, good in outcomes)
    blocker = await blocked(engine, queue)
    tasks = [asyncio.create_task(queue.embed([(TEXT, "poison")])) for _ in range(3)]
    await asyncio.sleep(0.02)
    engine.gate.set()
    await blocker
    for task in tasks:
        with pytest.raises(RuntimeError, match="cannot take"):
            await task
    assert len(queue._cache) == 2  # "poison?" and "blocker"


async def test_large_items_are_hashed_beside_the_loop_and_shared_all_the_same(
    engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[str] = []

    def noting(modality: Modality, data: str) -> object:
        threads.append(threading.current_thread().name)
        return content_key(modality, data)

    monkeypatch.setattr("bind_inference.scheduling.jobs.content_key", noting)
    queue = scheduler(engine, cache_bytes=1 << 20)
    large = image("x" * 200_000)
    blocker = await blocked(engine, queue)
    threads.clear()
    tasks = [asyncio.create_task(queue.embed([large])) for _ in range(3)]
    await asyncio.sleep(0.1)
    engine.gate.set()
    assert [lengths(outcomes) for outcomes in await asyncio.gather(*tasks)] == [[200_000]] * 3
    await blocker
    assert lengths(await queue.embed([large])) == [200_000]
    assert [len(items) for _, items in engine.batches] == [1, 1]
    assert len(threads) == 4
    assert all(name.startswith("digest") for name in threads)


async def test_closing_answers_items_that_are_still_hashed(
    engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()

    def slow(modality: Modality, data: str) -> object:
        assert gate.wait(5)
        return content_key(modality, data)

    monkeypatch.setattr("bind_inference.scheduling.jobs.content_key", slow)
    queue = scheduler(engine)
    waits = asyncio.create_task(queue.embed([image("x" * 200_000)]))
    await asyncio.sleep(0.02)
    queue.close(NotReady("stopping"))
    (outcome,) = await asyncio.wait_for(waits, 5)
    assert isinstance(outcome, NotReady)
    gate.set()
