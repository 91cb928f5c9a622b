"""Recordings in windows: all of them, in order, a few at a time, and none harms another item.

A fake recording lasts a second for each letter, and a window's vector tells how many it has.
"""

import asyncio
import base64
from collections.abc import Mapping

import numpy as np
import pytest

from bind_inference.errors import BindError, InvalidItem, MediaTooLarge, QueueFull, RequestTooLarge
from bind_inference.items.bodies import Item
from bind_inference.items.embedding import Embedding
from bind_inference.items.slices import Slice
from bind_inference.items.windows import WindowGroup, Windows
from bind_inference.modality import Modality
from bind_inference.scheduling import windows as module
from bind_inference.scheduling.jobs import Job, Part
from bind_inference.scheduling.scheduler import Scheduler, SchedulerConfig
from bind_inference.scheduling.windows import WindowedRequest, together
from bind_inference.service_class import KINDS, ServiceClass, kind_of
from bind_inference.telemetry.metrics import Metrics
from support.fake_engine import FakeDecoders, FakeEngine
from support.scheduling import TEXT, running, scheduler

TWO_S: Mapping[Modality, Windows] = {Modality.AUDIO: Windows(2000, 2000)}
GROUP = 2
"""Windows that a group has in these tests."""


@pytest.fixture(autouse=True)
def _small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GROUP_BYTES", GROUP * Modality.AUDIO.entry.decoded_bytes // 3)
    monkeypatch.setattr(module, "_AGAIN_S", 0.001)


def audio(text: str, index: int = 0) -> Item:
    return Item(Modality.AUDIO, index, base64.b64encode(text.encode()).decode())


async def measure(item: Item, _request: object) -> int:
    text = base64.b64decode(str(item.data)).decode()
    if text.startswith("bad"):
        raise InvalidItem("not a good one")
    return 1000 * len(text)


async def embed(
    queue: Scheduler, *items: Item, windows: Mapping[Modality, Windows] = TWO_S, most: int = 100
) -> list[Embedding | BindError]:
    return await WindowedRequest(queue, measure, items, windows, most, 0).embed()


def computed(engine: FakeEngine) -> list[str]:
    return [text for _, texts in engine.batches for text in texts]


async def test_each_window_has_its_vector_in_order(engine: FakeEngine) -> None:
    (outcome,) = await embed(scheduler(engine), audio("aabbccdde"))
    assert isinstance(outcome, Embedding)
    assert computed(engine) == ["aa", "bb", "cc", "dd", "de"]
    assert outcome.times_s == [(0.0, 2.0), (2.0, 4.0), (4.0, 6.0), (6.0, 8.0), (7.0, 9.0)]
    assert outcome.vector.shape == (5, 4)
    assert outcome.vector[:, 1].tolist() == [2.0] * 5


async def test_a_part_of_it_is_those_windows_alone(engine: FakeEngine) -> None:
    part = {Modality.AUDIO: Windows(2000, 2000, 4000, 8000)}
    (outcome,) = await embed(scheduler(engine), audio("aabbccddee"), windows=part)
    assert computed(engine) == ["cc", "dd"]
    assert isinstance(outcome, Embedding)
    assert outcome.times_s == [(4.0, 6.0), (6.0, 8.0)]


async def test_behind_the_end_there_is_no_window_and_no_error(engine: FakeEngine) -> None:
    (outcome,) = await embed(
        scheduler(engine), audio("aabb"), windows={Modality.AUDIO: Windows(2000, 2000, 60_000)}
    )
    assert isinstance(outcome, Embedding)
    assert (outcome.vector.shape, outcome.times_s) == ((0, 4), [])


async def test_other_items_have_what_they_always_have(engine: FakeEngine) -> None:
    queue = scheduler(engine)
    items = [Item(TEXT, 0, "a text"), audio("aabb"), Item(TEXT, 1, "another"), audio("bad", 1), audio("c", 2)]
    outcomes = await embed(queue, *items)
    assert [type(outcome) for outcome in outcomes] == [
        Embedding,
        Embedding,
        Embedding,
        InvalidItem,
        Embedding,
    ]
    shapes = [outcome.vector.shape for outcome in outcomes if isinstance(outcome, Embedding)]
    assert shapes == [(4,), (2, 4), (4,), (1, 4)]
    assert [outcome.times_s for outcome in outcomes if isinstance(outcome, Embedding)][::2] == [None, None]


async def test_too_many_windows_are_refused_by_item_with_a_remedy(engine: FakeEngine) -> None:
    outcomes = await embed(scheduler(engine), audio("aabb"), audio("ccddee", 1), audio("ff", 2), most=3)
    assert isinstance(outcomes[0], Embedding)
    assert isinstance(outcomes[1], MediaTooLarge)
    assert outcomes[1].message == (
        "3 windows, and a request may have 3 in all (--max-request-windows): ask for a part of it (start_s, "
        "end_s), for a longer stride_s, or for fewer files at once"
    )
    assert isinstance(outcomes[2], Embedding), "one that still fits is not refused for one that did not"
    assert computed(engine) == ["aa", "bb", "ff"]


async def test_a_window_that_fails_answers_its_recording_and_spares_the_rest(engine: FakeEngine) -> None:
    class Failing(FakeDecoders):
        def _windows(self, modality: Modality, data: object, windows: WindowGroup) -> object:
            if windows.first and "b" in self._text(data):  # type: ignore[arg-type]
                raise InvalidItem("broken from here on")
            return super()._windows(modality, data, windows)  # type: ignore[arg-type]

    queue = Scheduler(engine, Failing(), SchedulerConfig(), Metrics())
    broken, good = await embed(queue, audio("bbbbbbbbbbbbbbbb"), audio("aaaacccc", 1))
    assert isinstance(broken, InvalidItem)
    assert isinstance(good, Embedding)
    assert len(good.vector) == 4


async def test_no_more_is_held_than_two_groups(engine: FakeEngine) -> None:
    queue = scheduler(engine)
    held: list[tuple[int, int]] = []
    forward = engine.forward

    def watching(*given: object) -> object:
        held.append((queue._items.held, queue._bytes.held))
        return forward(*given)  # type: ignore[arg-type]

    engine.forward = watching  # type: ignore[assignment]
    (outcome,) = await embed(queue, audio("ab" * 60))
    assert isinstance(outcome, Embedding)
    assert len(outcome.vector) == 60
    assert max(items for items, _ in held) == 2 * GROUP
    assert max(size for _, size in held) <= 2 * module.GROUP_BYTES
    assert (queue._items.held, queue._bytes.held) == (0, 0)


async def test_a_full_queue_refuses_at_first_and_is_waited_for_later(engine: FakeEngine) -> None:
    queue = scheduler(engine, max_items=3)
    engine.gate.clear()
    blocker = asyncio.create_task(queue.embed([(TEXT, "one"), (TEXT, "two")]))
    await running(engine)
    with pytest.raises(QueueFull):
        await embed(queue, audio("aabb"))
    engine.gate.set()
    await blocker
    # Two groups have no room beside each other, so the second is tried until the first has ended.
    (outcome,) = await embed(queue, audio("aabbccdd"))
    assert isinstance(outcome, Embedding)
    assert len(outcome.vector) == 4


async def test_a_window_that_never_fits_is_refused(engine: FakeEngine) -> None:
    with pytest.raises(RequestTooLarge, match="bytes"):
        await embed(scheduler(engine, max_bytes=100_000), audio("aabb"))


async def test_a_client_that_hangs_up_leaves_nothing(engine: FakeEngine) -> None:
    queue = scheduler(engine)
    engine.gate.clear()
    gone = asyncio.create_task(embed(queue, audio("ab" * 30)))
    await running(engine)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    engine.gate.set()
    await queue.embed([(TEXT, "next")])
    assert len(computed(engine)) <= 2 * GROUP + 1
    assert (queue._items.held, queue._bytes.held) == (0, 0)


@pytest.mark.parametrize(
    ("text", "service"), [("ab" * 8, ServiceClass.QUERY), ("ab" * 9, ServiceClass.IMPORT)]
)
async def test_windows_are_items_of_one_request(
    engine: FakeEngine, monkeypatch: pytest.MonkeyPatch, text: str, service: ServiceClass
) -> None:
    """Many are an import, and two groups of a request have the share of one."""
    queue = scheduler(engine)
    parts: list[Part] = []
    put = queue._batcher.put
    monkeypatch.setattr(queue._batcher, "put", lambda part, now: parts.append(part) or put(part, now))
    await embed(queue, audio(text))
    assert {part.kind for part in parts} == {kind for kind in KINDS if kind.service is service} & {
        kind_of(Modality.AUDIO, len(text) // 2)
    }
    assert len({id(part.request) for part in parts}) == 1


async def test_windows_that_were_asked_for_before_are_not_computed_again(engine: FakeEngine) -> None:
    queue = Scheduler(engine, FakeDecoders(), SchedulerConfig(cache_bytes=1 << 20), Metrics())
    (first,) = await embed(queue, audio("aabbcc"))
    (again,) = await embed(queue, audio("aabbcc"))
    assert isinstance(first, Embedding)
    assert isinstance(again, Embedding)
    assert np.array_equal(first.vector, again.vector)
    assert first.times_s == again.times_s
    (whole,) = await queue.embed([(Modality.AUDIO, str(audio("aabbcc").data))])
    assert isinstance(whole, Embedding)
    assert whole.vector.shape == (4,), "the file itself is another item"
    assert computed(engine) == ["aa", "bb", "cc", "aabbcc"]


async def test_a_bug_ends_the_request(engine: FakeEngine) -> None:
    async def bug(_item: Item, _request: object) -> int:
        raise ZeroDivisionError

    request = WindowedRequest(scheduler(engine), bug, [audio("aa")], TWO_S, 100, 0)
    with pytest.raises(ZeroDivisionError):
        await request.embed()


async def test_the_first_that_fails_ends_the_others() -> None:
    ended: list[str] = []

    async def fails() -> None:
        await asyncio.sleep(0)
        raise ValueError("first")

    async def waits() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("waits")

    with pytest.raises(ValueError, match="first"):
        await together(waits(), fails())
    assert ended == ["waits"]


def test_a_window_in_parts_has_the_weighted_mean_of_their_vectors() -> None:
    group = WindowGroup(2000, 2000, 4000, 0, 2)
    job = Job(kind_of(Modality.VIDEO, 1), "", (Modality.VIDEO, b""), windows=group)
    slices = [Slice(None, 1, 1.0, 1), Slice(None, 1, 1.0, 0), Slice(None, 3, 1.0, 1)]
    job.parts = [Part(job, part) for part in slices]
    for part, value in zip(job.parts, (1, 5, 3), strict=True):
        assert job.combine() is None
        part.vector = np.full(2, value, np.float32)
    vectors = job.combine()
    assert vectors is not None
    assert vectors.tolist() == [[5.0, 5.0], [2.5, 2.5]]
