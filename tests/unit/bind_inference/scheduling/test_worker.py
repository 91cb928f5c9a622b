"""The forward thread between batches."""

import threading

import pytest

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
