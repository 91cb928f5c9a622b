"""A decoder process that dies costs the item that it died of, and nothing else."""

import errno
import os
import random
import signal
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from bind_inference.decoders.decoding import Bounds
from bind_inference.decoders.handle import PoolConfig
from bind_inference.decoders.pool import DecoderPool
from bind_inference.errors import (
    DecoderCrashed,
    NotReady,
)
from support.decoder_pool import WORKERS, Pool, check, good, harm


@pytest.mark.parametrize(
    ("order", "told"),
    [
        (f"signal {signal.SIGSEGV.value}", "SIGSEGV"),
        (f"signal {signal.SIGFPE.value}", "SIGFPE"),
        (f"signal {signal.SIGABRT.value}", "SIGABRT"),
        (f"signal {signal.SIGKILL.value}", "SIGKILL"),
        ("exit 3", "exit status 3"),
        ("exit 0", "exit status 0"),
    ],
)
def test_a_crash_fails_the_item_that_it_came_from_and_no_other(pool: Pool, order: str, told: str) -> None:
    items = [good(number) for number in range(10)]
    before = [pool.send(item) for item in items[:5]]
    bad = pool.send(harm(order))
    after = [pool.send(item) for item in items[5:]]
    outcome = bad.get(timeout=30)
    assert isinstance(outcome, DecoderCrashed), outcome
    assert outcome.status == 422
    assert outcome.message.startswith(f"its decoder crashed ({told})")
    for item, answer in zip(items, before + after, strict=True):
        check(answer.get(timeout=30), item)
    assert pool.restarts == ["crash"]


def test_a_process_that_dies_while_it_has_nothing_to_do_costs_nothing(pool: Pool) -> None:
    for pid in pool.pids:
        os.kill(pid, signal.SIGKILL)
    time.sleep(0.1)
    for number in range(4):
        check(pool.ask(good(number)), good(number))


def test_without_its_fork_server_the_pool_starts_another(pool: Pool) -> None:
    parents = {int(Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[1]) for pid in pool.pids}
    (fork_server,) = parents
    os.kill(fork_server, signal.SIGKILL)
    time.sleep(0.2)
    for number in range(4):
        check(pool.ask(good(number)), good(number))


def test_processes_killed_at_any_moment_cost_their_item_at_most(pool: Pool) -> None:
    stop, dice, outcomes = threading.Event(), random.Random(7), Counter[str]()

    def kill() -> None:
        decoded = 0
        while not stop.wait(dice.uniform(0.0, 0.1)):
            # Two items between kills, so that a slow machine, too, gets somewhere.
            if outcomes["Decoded"] < decoded + 2:
                continue
            try:
                os.kill(dice.choice(pool.pids), dice.choice([signal.SIGKILL, signal.SIGSEGV]))
            except (OSError, IndexError, ValueError):
                continue  # it is being replaced
            decoded = outcomes["Decoded"]

    killer = threading.Thread(target=kill)
    killer.start()
    items = [good(number % 7) for number in range(300)]
    answers = [pool.send(item) for item in items]
    for item, answer in zip(items, answers, strict=True):
        outcome = answer.get(timeout=60)
        outcomes[type(outcome).__name__] += 1
        if not isinstance(outcome, DecoderCrashed):
            check(outcome, item)
    stop.set()
    killer.join()
    assert outcomes["DecoderCrashed"] > 0
    assert outcomes["Decoded"] > 150
    assert pool.restarts.count("crash") == outcomes["DecoderCrashed"]
    check(pool.ask(items[0]), items[0])


def test_without_a_process_to_be_had_the_server_is_to_blame_not_the_item(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_more(*_: object) -> None:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    with monkeypatch.context() as patch:
        patch.setattr("multiprocessing.popen_forkserver.Popen.__init__", no_more)
        while pool.pids:  # one whose process is gone already may take it, too
            assert isinstance(pool.ask(harm("exit 1")), DecoderCrashed | NotReady)
        assert pool.restarts == ["crash"] * WORKERS
        outcome = pool.ask(good(0))
        assert isinstance(outcome, NotReady), outcome
        assert "no decoder process can be started ([Errno 11] Resource temporarily" in outcome.message
    check(pool.ask(good(0)), good(0))


def test_processes_that_cannot_be_started_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bind_inference.decoders.handle.serve", os._exit)  # not with these arguments
    broken = DecoderPool(Bounds(), PoolConfig(), lambda _: None)
    broken.start()
    with pytest.raises(Exception, match="the decoder processes do not start"):
        broken.check()
    broken.close()
