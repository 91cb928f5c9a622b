"""A video that is cut in parts has one vector, and the parts let others between them."""

import asyncio
import base64

import pytest

from bind_inference.items.embedding import Embedding
from bind_inference.modality import Modality
from support.fake_engine import FakeEngine
from support.scheduling import TEXT, lengths, running, scheduler


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
