"""The loop: items of many requests in, each answered by itself."""

import asyncio

import pytest

from bind_inference.errors import InvalidItem, NotReady
from bind_inference.items.embedding import Embedding
from bind_inference.scheduling.policy.batching import Policy
from bind_inference.scheduling.scheduler import Scheduler, SchedulerConfig
from bind_inference.telemetry.metrics import Metrics
from support.fake_engine import FakeDecoders, FakeEngine
from support.scheduling import IMAGE, TEXT, image, lengths, running, scheduler


async def test_items_come_back_in_the_order_they_were_sent(engine: FakeEngine) -> None:
    outcomes = await scheduler(engine).embed([(TEXT, "ccc"), image("a"), (TEXT, "bb"), image("dddd")])
    assert lengths(outcomes) == [3, 1, 2, 4]


async def test_a_bad_item_is_answered_beside_good_ones(engine: FakeEngine) -> None:
    outcomes = await scheduler(engine).embed([image("a"), image("bad"), (IMAGE, "!"), image("bb")])
    assert [isinstance(outcome, InvalidItem) for outcome in outcomes] == [False, True, True, False]


async def test_items_of_many_requests_share_a_batch(engine: FakeEngine) -> None:
    queue = scheduler(engine)
    engine.gate.clear()
    first = asyncio.create_task(queue.embed([(TEXT, "first")]))
    await running(engine)
    rest = [asyncio.create_task(queue.embed([(TEXT, f"text {index}")])) for index in range(5)]
    await asyncio.sleep(0.02)
    engine.gate.set()
    await asyncio.gather(first, *rest)
    assert [len(texts) for _, texts in engine.batches] == [1, 5]


async def test_the_texts_of_one_request_share_a_batch(engine: FakeEngine) -> None:
    await scheduler(engine).embed([(TEXT, f"text {index}") for index in range(5)])
    assert [len(texts) for _, texts in engine.batches] == [5]


async def test_a_poisonous_item_fails_its_own_request_only(engine: FakeEngine) -> None:
    queue = scheduler(engine)
    engine.gate.clear()
    blocker = asyncio.create_task(queue.embed([(TEXT, "blocker")]))
    await running(engine)
    bad = asyncio.create_task(queue.embed([(TEXT, "poison")]))
    good = asyncio.create_task(queue.embed([(TEXT, "good")]))
    await asyncio.sleep(0.02)
    engine.gate.set()
    assert lengths(await good) == [4]
    await blocker
    with pytest.raises(RuntimeError, match="cannot take"):
        await bad


async def test_a_bug_in_a_decoder_is_raised_not_told_to_the_client(engine: FakeEngine) -> None:
    with pytest.raises(ZeroDivisionError):
        await scheduler(engine).embed([image("bug")])


async def test_a_batch_waits_for_company_if_told_to(engine: FakeEngine) -> None:
    queue = scheduler(engine, policy=Policy(max_wait_s=0.2))
    first = asyncio.create_task(queue.embed([(TEXT, "a")]))
    await asyncio.sleep(0.01)
    assert engine.batches == []
    await asyncio.gather(first, queue.embed([(TEXT, "b")]))
    assert engine.batches == [(TEXT, ["a", "b"])]


async def test_who_was_answered_is_in_the_next_batch(engine: FakeEngine) -> None:
    queue = scheduler(engine, policy=Policy(regroup_share=100, max_regroup_s=5))
    engine.gate.clear()
    first = asyncio.create_task(queue.embed([(TEXT, "a")]))
    await running(engine)
    other = asyncio.create_task(queue.embed([(TEXT, "b")]))
    await asyncio.sleep(0.02)
    engine.gate.set()
    await first
    await asyncio.gather(other, queue.embed([(TEXT, "again")]))
    assert engine.batches == [(TEXT, ["a"]), (TEXT, ["b", "again"])]


async def test_a_dead_forward_thread_is_told_and_answers_all_that_wait(engine: FakeEngine) -> None:
    deaths: list[BaseException] = []
    queue = Scheduler(engine, FakeDecoders(), SchedulerConfig(), Metrics(), on_death=deaths.append)
    engine.gate.clear()
    blocker = asyncio.create_task(queue.embed([(TEXT, "kill")]))
    await running(engine)
    waits = asyncio.create_task(queue.embed([(TEXT, "waits")]))
    await asyncio.sleep(0.02)
    engine.gate.set()
    for task in (blocker, waits):
        (outcome,) = await task
        assert isinstance(outcome, NotReady)
    assert len(deaths) == 1
    with pytest.raises(NotReady):
        await queue.embed([(TEXT, "later")])


async def test_closing_answers_what_waits(engine: FakeEngine) -> None:
    queue = scheduler(engine)
    engine.gate.clear()
    waits = asyncio.create_task(queue.embed([(TEXT, "a")]))
    await running(engine)
    queue.close(NotReady("stopping"))
    (outcome,) = await waits
    assert isinstance(outcome, NotReady)
    engine.gate.set()


async def test_the_tokens_of_a_text_are_counted(engine: FakeEngine) -> None:
    (outcome,) = await scheduler(engine).embed([(TEXT, "one two three")])
    assert isinstance(outcome, Embedding)
    assert outcome.tokens == 3


async def test_a_forward_pass_that_hangs_ends_the_scheduler() -> None:
    engine, deaths = FakeEngine(), list[BaseException]()
    config = SchedulerConfig(forward_timeout_s=0.2)
    queue = Scheduler(engine, FakeDecoders(), config, Metrics(), on_death=deaths.append)
    assert lengths(await queue.embed([(TEXT, "well")])) == [4]
    engine.gate.clear()
    (outcome,) = await asyncio.wait_for(queue.embed([(TEXT, "hangs")]), 5)
    assert isinstance(outcome, NotReady)
    assert [str(death) for death in deaths] == ["a forward pass has not ended for 0.2 s"]
    engine.gate.set()


async def test_many_batches_that_end_are_no_hang() -> None:
    engine, deaths = FakeEngine(), list[BaseException]()
    config = SchedulerConfig(forward_timeout_s=0.2)
    queue = Scheduler(engine, FakeDecoders(), config, Metrics(), on_death=deaths.append)
    end = asyncio.get_running_loop().time() + 0.5
    while asyncio.get_running_loop().time() < end:
        assert lengths(await queue.embed([(TEXT, "well")])) == [4]
    assert deaths == []
