"""Items that servers died of: the journal outlives the process, suspects run alone, convicts are refused."""

import asyncio
import json
from pathlib import Path

import pytest

from bind_inference.errors import PoisonItem, SuspectRuns
from bind_inference.items.embedding import Embedding, content_key
from bind_inference.modality import Modality
from bind_inference.scheduling.journal import Journal
from bind_inference.scheduling.policy.suspicion import MAX_REMEMBERED, Suspect, Suspects
from bind_inference.scheduling.quarantine import Quarantine, from_json, to_json
from bind_inference.scheduling.scheduler import Scheduler, SchedulerConfig
from bind_inference.telemetry.metrics import Metrics
from support.fake_engine import FakeDecoders, FakeEngine
from support.scheduling import TEXT, blocked, image, running

TTL_S = 600.0


def suspect(deaths: int = 1, at: float = 0.0, digest: int = 0) -> Suspect:
    return Suspect((Modality.IMAGE, digest.to_bytes(32, "big")), 10, deaths, at)


def quarantine(path: Path | None, now: float = 0.0) -> Quarantine:
    return Quarantine(path, TTL_S, Metrics(), clock=lambda: now)


def scheduler(engine: FakeEngine, kept: Quarantine) -> Scheduler:
    return Scheduler(engine, FakeDecoders(), SchedulerConfig(), Metrics(), quarantine=kept)


def test_what_was_at_work_has_one_death_more(tmp_path: Path) -> None:
    first = Journal(tmp_path / "j")
    first.begin(suspect(0, 5.0, 1))
    first.begin(suspect(1, 6.0, 2))
    done = first.begin(suspect(0, 7.0, 3))
    assert done is not None
    first.end(done)
    assert Journal(tmp_path / "j").left == [suspect(1, 5.0, 1), suspect(2, 6.0, 2)]


def test_a_process_that_was_asked_to_stop_suspects_nothing(tmp_path: Path) -> None:
    first = Journal(tmp_path / "j")
    first.remember([suspect(2, 1.0, 9)])
    first.begin(suspect(0, 5.0, 1))
    first.stopping()
    assert Journal(tmp_path / "j").left == [suspect(2, 1.0, 9)]
    assert Journal(tmp_path / "j").left == []


@pytest.mark.parametrize("content", [b"", b"x" * 100, b"x" * 1_000_000])
def test_a_file_of_something_else_is_an_empty_journal(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "j").write_bytes(content)
    assert Journal(tmp_path / "j").left == []


def test_a_full_journal_notes_no_more(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    journal.remember(suspect(1, 0.0, number) for number in range(2 * MAX_REMEMBERED))
    slots = [journal.begin(suspect(0, 1.0, number)) for number in range(4096)]
    assert slots[-1] is None
    assert len(Journal(tmp_path / "j").left) == 4096


def test_a_journal_that_cannot_be_written_is_none(tmp_path: Path) -> None:
    assert quarantine(tmp_path / "no" / "folder").suspects == []


def test_a_suspect_is_forgotten_after_its_time() -> None:
    suspects = Suspects(TTL_S)
    suspects.remember([suspect(1, 0.0)], 1.0)
    assert suspects.get(suspect().key, TTL_S - 1) == suspect(1, 0.0)
    assert suspects.get(suspect().key, TTL_S) is None
    assert suspects.remember([suspect(2, 0.0)], TTL_S + 1) == []


def test_more_deaths_replace_fewer_and_are_news() -> None:
    suspects = Suspects(TTL_S)
    assert suspects.remember([suspect(1)], 0.0) == [suspect(1)]
    assert suspects.remember([suspect(1)], 0.0) == []
    assert suspects.remember([suspect(2)], 0.0) == [suspect(2)]
    assert suspects.remember([suspect(1)], 0.0) == []
    assert [found.deaths for found in suspects.all(0.0)] == [2]


def test_the_oldest_are_forgotten_first() -> None:
    suspects = Suspects(TTL_S)
    suspects.remember((suspect(1, 0.0, number) for number in range(MAX_REMEMBERED + 5)), 0.0)
    assert len(suspects.all(0.0)) == MAX_REMEMBERED
    assert suspects.get(suspect(digest=4).key, 0.0) is None


def test_what_one_server_tells_another_is_told_by_age() -> None:
    told = to_json([suspect(2, 90.0)], 100.0)
    assert from_json(told, 1000.0) == [suspect(2, 990.0)]
    for broken in (b"", b"[]", b"{}", b'{"suspects": [{}]}', b'{"suspects": 1}'):
        with pytest.raises((KeyError, TypeError, ValueError)):
            from_json(broken, 0.0)
    entry = json.loads(told)["suspects"][0]
    with pytest.raises(ValueError, match="digest"):
        from_json(json.dumps({"suspects": [{**entry, "digest": "ab"}]}).encode(), 0.0)


async def test_a_convict_is_refused_by_name_and_innocents_are_not(engine: FakeEngine) -> None:
    kept = quarantine(None)
    kept.remember([Suspect(content_key(*image("a")), 4, 2, 0.0)])
    outcomes = await scheduler(engine, kept).embed([image("a"), image("b")])
    assert isinstance(outcomes[0], PoisonItem)
    assert "refused for another 600 s: 2 servers died" in outcomes[0].message
    assert isinstance(outcomes[1], Embedding)


async def test_a_journal_tells_the_next_process_what_ran_and_what_only_waited(
    engine: FakeEngine, tmp_path: Path
) -> None:
    queue = scheduler(engine, quarantine(tmp_path / "j"))
    blocker = await blocked(engine, queue)
    waits = asyncio.create_task(queue.embed([(TEXT, "waits")]))
    await asyncio.sleep(0.05)
    left = Journal(tmp_path / "j").left
    engine.gate.set()
    await asyncio.gather(blocker, waits)
    assert [found.key for found in left] == [content_key(TEXT, "blocker")]


async def test_suspects_of_one_request_run_one_after_the_other(engine: FakeEngine) -> None:
    outcomes = await scheduler(engine, quarantine(None)).embed(
        [image("a"), image("b"), (TEXT, "c")], deaths=1
    )
    assert all(isinstance(outcome, Embedding) for outcome in outcomes)
    assert [len(texts) for _, texts in engine.batches] == [1, 1, 1]


async def test_a_second_request_of_suspects_is_sent_elsewhere_until_the_first_has_ended(
    engine: FakeEngine,
) -> None:
    queue = scheduler(engine, quarantine(None))
    engine.gate.clear()
    first = asyncio.create_task(queue.embed([image("a")], deaths=1))
    await running(engine)
    (refused,) = await queue.embed([image("b")], deaths=1)
    assert isinstance(refused, SuspectRuns)
    engine.gate.set()
    assert isinstance((await first)[0], Embedding)
    assert isinstance((await queue.embed([image("b")], deaths=1))[0], Embedding)


async def test_suspects_whose_client_hangs_up_make_room(engine: FakeEngine) -> None:
    queue = scheduler(engine, quarantine(None))
    blocker = await blocked(engine, queue)
    gone = asyncio.create_task(queue.embed([image("a"), image("b")], deaths=1))
    await asyncio.sleep(0.05)
    gone.cancel()
    await asyncio.sleep(0.05)
    engine.gate.set()
    await blocker
    assert isinstance((await queue.embed([image("c")], deaths=1))[0], Embedding)
