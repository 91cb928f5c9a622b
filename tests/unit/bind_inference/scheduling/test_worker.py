"""The forward thread between batches."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pytest

from bind_inference.engine.protocol import DeviceLost
from bind_inference.modality import Modality
from bind_inference.scheduling import worker
from bind_inference.scheduling.worker import BatchResult, Worker
from support.fake_engine import FakeEngine


def test_memory_is_given_back_once_no_batch_comes_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "IDLE_S", 0.01)
    idle, done = threading.Semaphore(0), threading.Semaphore(0)

    def on_done(_batch: object, ran: BatchResult) -> None:
        assert len(ran.outcomes) == 1
        done.release()

    thread = Worker(FakeEngine(), on_done=on_done, on_death=lambda _: None, on_idle=idle.release)
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
        self, modality: Modality, tensors: Sequence[str], device: int = 0
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

    return Worker(engine, depth=2, on_done=on_done, on_death=on_death), ended, told, deaths


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
