"""The forward thread between batches."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from queue import SimpleQueue

import numpy as np
import numpy.typing as npt
import pytest

from bind_inference.engine.protocol import ONE_LANE, Computed, DeviceLost, Lane, no_pause
from bind_inference.modality import Modality
from bind_inference.scheduling import worker
from bind_inference.scheduling.worker import BatchResult, Worker
from bind_inference.service_class import KINDS
from support.fake_engine import FakeEngine

(LANE,) = ONE_LANE


def test_memory_is_given_back_once_no_batch_comes_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "IDLE_S", 0.01)
    idle, done = threading.Semaphore(0), threading.Semaphore(0)

    def on_done(_batch: object, ran: BatchResult) -> None:
        assert len(ran.outcomes) == 1
        done.release()

    thread = Worker(FakeEngine(), LANE, on_done=on_done, on_death=lambda _: None, on_idle=idle.release)
    thread.start()
    for _ in range(2):
        assert idle.acquire(timeout=5)
        assert not idle.acquire(timeout=0.1), "once for each pause"
        thread.run("batch", Modality.TEXT, ["a text"])
        assert done.acquire(timeout=5)
    thread.stop()


@dataclass
class Later:
    """A batch whose vectors come when a test says so."""

    items: int
    there: threading.Event = field(default_factory=threading.Event)
    is_lost: bool = False

    def wait(self) -> npt.NDArray[np.float32]:
        assert self.there.wait(5)
        if self.is_lost:
            raise DeviceLost("gone")
        return np.ones((self.items, 4), np.float32)


class DeepEngine(FakeEngine):
    """It starts batches and computes them later."""

    def __init__(self) -> None:
        super().__init__()
        self.started: list[Later] = []
        self.has_started = threading.Semaphore(0)

    def start(  # type: ignore[override]
        self,
        modality: Modality,
        tensors: Sequence[str],
        device: int = 0,
        pause: Callable[[], None] = no_pause,
    ) -> Later:
        self.started.append(Later(len(tensors)))
        self.has_started.release()
        return self.started[-1]


def deep(engine: DeepEngine) -> tuple[Worker, list[object], threading.Semaphore, list[BaseException]]:
    ended: list[object] = []
    deaths: list[BaseException] = []
    told = threading.Semaphore(0)

    def on_done(batch: object, ran: BatchResult) -> None:
        assert 0 <= ran.forward_s < 5
        ended.append((batch, len(ran.outcomes)))
        told.release()

    def on_death(error: BaseException) -> None:
        deaths.append(error)
        told.release()

    return Worker(engine, Lane(KINDS, depth=2), on_done=on_done, on_death=on_death), ended, told, deaths


def test_a_deep_lane_starts_the_next_batch_before_the_first_has_ended() -> None:
    engine = DeepEngine()
    thread, ended, told, _ = deep(engine)
    thread.start()
    thread.run("first", Modality.IMAGE, ["a", "b"])
    thread.run("second", Modality.IMAGE, ["c"])
    for _ in range(2):
        assert engine.has_started.acquire(timeout=5)
    assert ended == []
    engine.started[1].there.set()
    assert not told.acquire(timeout=0.05), "batches end in their order"
    engine.started[0].there.set()
    for _ in range(2):
        assert told.acquire(timeout=5)
    assert ended == [("first", 2), ("second", 1)]
    thread.stop()


def test_a_device_that_is_lost_under_a_batch_that_was_started_ends_the_worker() -> None:
    engine = DeepEngine()
    thread, ended, told, deaths = deep(engine)
    thread.start()
    thread.run("first", Modality.IMAGE, ["a"])
    assert engine.has_started.acquire(timeout=5)
    engine.started[0].is_lost = True
    engine.started[0].there.set()
    assert told.acquire(timeout=5)
    assert ended == []
    assert [type(error) for error in deaths] == [DeviceLost]
    thread.stop()


class PausingEngine(FakeEngine):
    """A picture pauses at gates that a test opens one by one, and a text takes no time."""

    def __init__(self) -> None:
        super().__init__()
        self.pauses = threading.Semaphore(0)
        self.begun = threading.Event()

    def start(
        self,
        modality: Modality,
        tensors: Sequence[str],
        device: int = 0,
        pause: Callable[[], None] = no_pause,
    ) -> Computed:
        if modality is Modality.IMAGE:
            self.begun.set()
            for _ in range(2):
                assert self.pauses.acquire(timeout=5)
                pause()
        return super().start(modality, tensors, device)


def test_what_is_for_pauses_runs_in_a_pause_and_the_picture_goes_on() -> None:
    engine = PausingEngine()
    done: SimpleQueue[tuple[object, BatchResult]] = SimpleQueue()
    thread = Worker(engine, LANE, on_done=lambda *result: done.put(result), on_death=lambda _: None)
    thread.start()
    thread.run("picture", Modality.IMAGE, ["a picture"])
    assert engine.begun.wait(5)
    thread.run("text", Modality.TEXT, ["a text"], in_pauses=True)
    assert done.empty()
    engine.pauses.release()
    batch, result = done.get(timeout=5)
    assert (batch, len(result.outcomes)) == ("text", 1)
    engine.pauses.release()
    batch, result = done.get(timeout=5)
    assert batch == "picture"
    assert not isinstance(result.outcomes[0], Exception)
    assert engine.batches == [(Modality.TEXT, ["a text"]), (Modality.IMAGE, ["a picture"])]
    thread.stop()


def test_what_fails_in_a_pause_is_not_the_picture_s_fault() -> None:
    engine = PausingEngine()
    done: SimpleQueue[tuple[object, BatchResult]] = SimpleQueue()
    thread = Worker(engine, LANE, on_done=lambda *result: done.put(result), on_death=lambda _: None)
    thread.start()
    thread.run("picture", Modality.IMAGE, ["a picture"])
    assert engine.begun.wait(5)
    thread.run("text", Modality.TEXT, ["poison"], in_pauses=True)
    engine.pauses.release(2)
    outcomes = dict(done.get(timeout=5) for _ in range(2))
    assert isinstance(outcomes["text"].outcomes[0], RuntimeError)
    assert not isinstance(outcomes["picture"].outcomes[0], Exception)
    thread.stop()


def test_what_is_for_pauses_needs_none_where_nothing_runs_and_all_runs_before_the_end() -> None:
    done: SimpleQueue[tuple[object, BatchResult]] = SimpleQueue()
    thread = Worker(FakeEngine(), LANE, on_done=lambda *result: done.put(result), on_death=lambda _: None)
    for number in range(3):
        thread.run(number, Modality.TEXT, ["a text"], in_pauses=True)
        thread.run(10 + number, Modality.IMAGE, ["a picture"])
    thread.stop()
    thread.start()
    assert sorted(done.get(timeout=5)[0] for _ in range(6)) == [0, 1, 2, 10, 11, 12]  # type: ignore[type-var]
