"""The loop: items of many requests in, each answered by itself."""

import asyncio
import base64

import pytest

from bind_inference.batching import Policy
from bind_inference.embedding import Embedding
from bind_inference.errors import BindError, InvalidItem, MediaTooLarge, NotReady, QueueFull
from bind_inference.metrics import Metrics
from bind_inference.modality import Modality
from bind_inference.scheduler import Limits, Scheduler
from support.fake_engine import FakeEngine

TEXT, IMAGE = Modality.TEXT, Modality.IMAGE


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


def image(text: str) -> tuple[Modality, str]:
    return IMAGE, base64.b64encode(text.encode()).decode()


def scheduler(engine: FakeEngine, **limits: object) -> Scheduler:
    return Scheduler(engine, Limits(**limits), Metrics())  # type: ignore[arg-type]


def lengths(outcomes: list[Embedding | BindError]) -> list[int]:
    assert all(isinstance(outcome, Embedding) for outcome in outcomes)
    return [int(outcome.vector[1]) for outcome in outcomes if isinstance(outcome, Embedding)]


async def running(engine: FakeEngine) -> None:
    assert await asyncio.to_thread(engine.entered.wait, 5)


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


async def test_the_same_item_twice_is_computed_once(engine: FakeEngine) -> None:
    one, two = await scheduler(engine).embed([image("a"), image("a")])
    assert isinstance(one, Embedding)
    assert one is two
    assert engine.batches == [(IMAGE, ["a"])]


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
    assert all("c" not in texts for _, texts in engine.batches[:2])


async def test_decoded_items_are_bounded_in_bytes(engine: FakeEngine) -> None:
    queue = scheduler(engine, max_bytes=40_000_000)  # two videos
    engine.gate.clear()
    video = Modality.VIDEO, base64.b64encode(b"v").decode()
    waiting = [asyncio.create_task(queue.embed([video])) for _ in range(2)]
    await running(engine)
    with pytest.raises(QueueFull, match="bytes"):
        await queue.embed([video])
    engine.gate.set()
    await asyncio.gather(*waiting)


async def test_the_size_of_an_item_is_bounded(engine: FakeEngine) -> None:
    (outcome,) = await scheduler(engine, max_item_bytes=3).embed([image("abcd")])
    assert isinstance(outcome, MediaTooLarge)


async def test_a_batch_waits_for_company_if_told_to(engine: FakeEngine) -> None:
    queue = scheduler(engine, policy=Policy(max_wait_s=0.2))
    first = asyncio.create_task(queue.embed([(TEXT, "a")]))
    await asyncio.sleep(0.01)
    assert engine.batches == []
    await asyncio.gather(first, queue.embed([(TEXT, "b")]))
    assert engine.batches == [(TEXT, ["a", "b"])]


async def test_a_dead_forward_thread_is_told_and_answers_all_that_wait(engine: FakeEngine) -> None:
    deaths: list[BaseException] = []
    queue = Scheduler(engine, Limits(), Metrics(), on_death=deaths.append)
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
