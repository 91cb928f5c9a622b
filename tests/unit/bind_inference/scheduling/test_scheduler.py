"""The loop: items of many requests in, each answered by itself."""

import asyncio
import base64
import gc
import threading
import weakref
from collections.abc import Callable

import pytest

from bind_inference.decoders.decoding import Decoded
from bind_inference.errors import BindError, InvalidItem, MediaTooLarge, NotReady, QueueFull
from bind_inference.items.embedding import Embedding, content_key
from bind_inference.items.shared_memory import Blob
from bind_inference.items.slices import Slice
from bind_inference.modality import Modality
from bind_inference.scheduling.policy.batching import Policy
from bind_inference.scheduling.scheduler import Limits, Scheduler
from bind_inference.telemetry.metrics import Metrics
from support.fake_engine import FakeDecoders, FakeEngine

TEXT, IMAGE = Modality.TEXT, Modality.IMAGE


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


def image(text: str) -> tuple[Modality, str]:
    return IMAGE, base64.b64encode(text.encode()).decode()


def scheduler(engine: FakeEngine, **limits: object) -> Scheduler:
    return Scheduler(engine, FakeDecoders(), Limits(**limits), Metrics())  # type: ignore[arg-type]


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

    def decode(self, modality: Modality, data: str | Blob, wanted: object, done: Callable[..., None]) -> None:
        self.finish.append(lambda: done(self.text(str(data)), 0.0))


async def test_what_was_decoded_for_a_client_that_hung_up_is_released_at_once(engine: FakeEngine) -> None:
    decoders = Keeping()
    queue = Scheduler(engine, decoders, Limits(), Metrics())
    engine.gate.clear()
    tasks = [asyncio.create_task(queue.embed([(TEXT, text)])) for text in ("blocker", "stays", "gone")]
    tasks.append(asyncio.create_task(queue.embed([image("gone while it is decoded")])))
    await running(engine)
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
    queue = Scheduler(engine, FakeDecoders(max_item_bytes=3), Limits(), Metrics())
    (outcome,) = await queue.embed([image("abcd")])
    assert isinstance(outcome, MediaTooLarge)


async def test_a_batch_waits_for_company_if_told_to(engine: FakeEngine) -> None:
    queue = scheduler(engine, policy=Policy(max_wait_s=0.2))
    first = asyncio.create_task(queue.embed([(TEXT, "a")]))
    await asyncio.sleep(0.01)
    assert engine.batches == []
    await asyncio.gather(first, queue.embed([(TEXT, "b")]))
    assert engine.batches == [(TEXT, ["a", "b"])]


async def test_who_was_answered_is_in_the_next_batch(engine: FakeEngine) -> None:
    queue = scheduler(engine, policy=Policy(linger=100, max_linger_s=5))
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
    queue = Scheduler(engine, FakeDecoders(), Limits(), Metrics(), on_death=deaths.append)
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


async def blocked(engine: FakeEngine, queue: Scheduler) -> "asyncio.Task[list[Embedding | BindError]]":
    """Keep the forward thread busy until the gate opens."""
    engine.gate.clear()
    blocker = asyncio.create_task(queue.embed([(TEXT, "blocker")]))
    await running(engine)
    return blocker


async def test_identical_items_of_many_requests_are_computed_once(engine: FakeEngine) -> None:
    metrics = Metrics()
    queue = Scheduler(engine, FakeDecoders(), Limits(), metrics)
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
    assert len(queue._flights) == 0


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


async def test_each_request_holds_its_own_share_of_the_budgets(engine: FakeEngine) -> None:
    queue = scheduler(engine, max_items=3)
    blocker = await blocked(engine, queue)
    shares = [asyncio.create_task(queue.embed([(TEXT, "shared")])) for _ in range(2)]
    await asyncio.sleep(0.02)
    with pytest.raises(QueueFull):
        await queue.embed([(TEXT, "shared")])
    engine.gate.set()
    await asyncio.gather(blocker, *shares)


async def test_a_vector_asked_for_again_comes_from_the_cache_bit_for_bit(engine: FakeEngine) -> None:
    metrics = Metrics()
    queue = Scheduler(engine, FakeDecoders(), Limits(cache_bytes=1 << 20), metrics)
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


async def test_large_items_are_hashed_beside_the_loop_and_shared_all_the_same(
    engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[str] = []

    def noting(modality: Modality, data: str) -> object:
        threads.append(threading.current_thread().name)
        return content_key(modality, data)

    monkeypatch.setattr("bind_inference.scheduling.scheduler.content_key", noting)
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

    monkeypatch.setattr("bind_inference.scheduling.scheduler.content_key", slow)
    queue = scheduler(engine)
    waits = asyncio.create_task(queue.embed([image("x" * 200_000)]))
    await asyncio.sleep(0.02)
    queue.close(NotReady("stopping"))
    (outcome,) = await asyncio.wait_for(waits, 5)
    assert isinstance(outcome, NotReady)
    gate.set()


def video(text: str) -> tuple[Modality, str]:
    return Modality.VIDEO, base64.b64encode(text.encode()).decode()


async def test_a_video_in_parts_has_the_weighted_mean_of_their_vectors(engine: FakeEngine) -> None:
    (outcome,) = await scheduler(engine).embed([video("a|bbb|bb")])
    assert engine.batches == [(Modality.VIDEO, [part]) for part in ("a", "bbb", "bb")]
    assert isinstance(outcome, Embedding)
    # [number of the batch, letters], weighted by letters
    assert outcome.vector.tolist() == pytest.approx([(1 + 2 * 3 + 3 * 2) / 6, (1 + 9 + 4) / 6, 0, 0])


async def test_a_text_runs_between_the_parts_of_a_video(engine: FakeEngine) -> None:
    queue = scheduler(engine)
    engine.gate.clear()
    long = asyncio.create_task(queue.embed([video("a|b|c|d")]))
    await running(engine)
    text = asyncio.create_task(queue.embed([(TEXT, "short")]))
    await asyncio.sleep(0.02)
    engine.gate.set()
    await asyncio.gather(long, text)
    assert [batch for _, batch in engine.batches] == [["a"], ["short"], ["b"], ["c"], ["d"]]


async def test_a_part_that_fails_answers_its_video_and_spares_the_rest(engine: FakeEngine) -> None:
    queue = scheduler(engine)
    with pytest.raises(RuntimeError, match="cannot take"):
        await queue.embed([video("a|poison|c|d|e")])
    assert lengths(await queue.embed([(TEXT, "next")])) == [4]
    # The next part was under way when the failure became known; those after it are dropped.
    assert [batch for _, batch in engine.batches] == [["a"], ["c"], ["next"]]


async def test_the_parts_of_a_video_whose_client_hung_up_are_not_computed(engine: FakeEngine) -> None:
    queue = scheduler(engine)
    engine.gate.clear()
    gone = asyncio.create_task(queue.embed([video("a|b|c")]))
    await running(engine)
    gone.cancel()
    await asyncio.sleep(0)
    engine.gate.set()
    assert lengths(await queue.embed([(TEXT, "next")])) == [4]
    assert [batch for _, batch in engine.batches] == [["a"], ["next"]]
