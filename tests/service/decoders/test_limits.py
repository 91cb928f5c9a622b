"""Decoders that take too long or too much, that nobody waits for, or that have a bug."""

import os
import time
import weakref
from functools import partial
from queue import SimpleQueue

import pytest

from bind_inference.decoders.process import NICENESS
from bind_inference.errors import (
    BindError,
    DecodeTimeout,
    MediaTooLarge,
    TooLittleMemory,
)
from bind_inference.items.bodies import Endpoint, ParsedBody
from bind_inference.items.shared_memory import Shared
from support.decoder_pool import MEMORY_BYTES, TIMEOUT_S, WORKERS, Pool, check, good, harm
from support.decoder_processes import wait_gone


def test_a_decode_over_the_limit_is_stopped_and_told_with_both_figures(pool: Pool) -> None:
    slow, item = pool.send(harm("sleep 60")), good(1)
    check(pool.ask(item), item)
    outcome = slow.get(timeout=10)
    assert isinstance(outcome, DecodeTimeout), outcome
    assert outcome.status == 422
    assert outcome.message == (
        f"its decoder was stopped after {TIMEOUT_S} s; at most {TIMEOUT_S} s are allowed (--decode-timeout-s)"
    )
    check(pool.ask(item), item)
    assert pool.restarts == ["timeout"]


def test_an_item_that_takes_too_much_memory_is_told_the_limit(pool: Pool) -> None:
    outcome = pool.ask(harm(f"allocate {2 * MEMORY_BYTES}"))
    assert isinstance(outcome, MediaTooLarge), outcome
    assert f"{MEMORY_BYTES:,} bytes" in outcome.message
    assert pool.restarts == []


def test_a_bug_is_no_answer_to_the_client(pool: Pool) -> None:
    outcome = pool.ask(harm("bug"))
    assert not isinstance(outcome, BindError)
    assert "ZeroDivisionError: a bug of ours" in str(outcome)
    assert pool.restarts == []


def test_an_item_that_nobody_waits_for_is_not_decoded(pool: Pool) -> None:
    busy = [pool.send(harm("sleep 0.3")) for _ in range(WORKERS)]
    gone, item = pool.send(harm("exit 1"), wanted=lambda: False), good(1)
    check(pool.ask(item), item)
    for answer in busy:
        answer.get(timeout=10)
    assert gone.empty()
    assert pool.restarts == []


def test_decoders_give_way_to_the_forward_pass(pool: Pool) -> None:
    # A process gives way once it has started; one of them is enough to decode for both.
    ours, deadline = os.getpriority(os.PRIO_PROCESS, 0), time.monotonic() + 30
    while len(pool.pids) < WORKERS:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    for pid in pool.pids:
        while os.getpriority(os.PRIO_PROCESS, pid) - ours != NICENESS:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_what_nobody_waits_for_any_more_is_stopped_in_the_midst(pool: Pool) -> None:
    there = [True]
    slow = [pool.send(harm("sleep 60"), wanted=lambda: there[0]) for _ in range(WORKERS)]
    time.sleep(0.3)
    pids = pool.pids
    there[0] = False
    began = time.monotonic()
    check(pool.ask(good(1)), good(1))
    assert time.monotonic() - began < TIMEOUT_S - 1  # not at its limit
    wait_gone(pids, 3)
    assert all(answer.empty() for answer in slow)
    assert pool.restarts == []


def test_one_request_does_not_hold_every_process(pool: Pool) -> None:
    request = object()
    slow = [pool.send(harm("sleep 1"), asked_by=request) for _ in range(20)]
    time.sleep(0.2)
    for number in range(5):
        began = time.monotonic()
        check(pool.ask(good(number)), good(number))
        assert time.monotonic() - began < 0.9
    assert sum(answer.empty() for answer in slow) > 10


def test_what_nobody_wants_any_more_is_released_while_every_process_is_busy(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bind_inference.decoders.lane._SWEEP_S", 0.0)
    hung = [pool.send(harm("sleep 60")) for _ in range(WORKERS)]
    time.sleep(0.2)
    bodies, there = [Shared() for _ in range(5)], True
    held = [weakref.ref(body) for body in bodies]
    outcomes: SimpleQueue[ParsedBody | Exception] = SimpleQueue()
    for number, body in enumerate(bodies):
        body.write(b'{"texts":["%d"]}' % number)
        stays = partial(lambda number: there or number % 2 == 0, number)  # an odd one's client hangs up
        pool.pool.read(Endpoint.VECTORIZE, body, 9, stays, lambda told, _: outcomes.put(told))
    del bodies, body
    there = False
    last = pool.send(good(1))
    assert [ref() is None for ref in held] == [False, True, False, True, False]
    for answer in hung:
        assert isinstance(answer.get(timeout=30), DecodeTimeout)
    told = [outcomes.get(timeout=30) for _ in range(3)]
    assert {body.items[0].data for body in told if isinstance(body, ParsedBody)} == {"0", "2", "4"}
    check(last.get(timeout=30), good(1))


def test_a_body_that_takes_too_much_memory_is_called_one(pool: Pool) -> None:
    answer, shared = SimpleQueue[ParsedBody | Exception](), Shared()
    os.ftruncate(shared.fd, MEMORY_BYTES + 1)  # of zeros that are nowhere
    pool.pool.read(Endpoint.VECTORIZE, shared, 9, lambda: True, lambda outcome, _: answer.put(outcome))
    outcome = answer.get(timeout=30)
    assert isinstance(outcome, TooLittleMemory), outcome
    assert outcome.status == 413
    assert outcome.message.startswith(f"the body takes more memory to decode than the {MEMORY_BYTES:,} bytes")


def test_a_closed_pool_leaves_no_process_even_where_one_hangs(pool: Pool) -> None:
    hung = pool.send(harm("sleep 60"))
    time.sleep(0.2)
    pids = pool.pids
    assert len(pids) == WORKERS
    pool.pool.close()
    wait_gone(pids, 2)
    assert hung.empty()


def test_requests_of_one_slow_item_each_do_not_hold_every_process(pool: Pool) -> None:
    slow = [pool.send(harm("sleep 3")) for _ in range(WORKERS)]
    time.sleep(0.3)
    began = time.monotonic()
    check(pool.ask(good(1)), good(1))
    assert time.monotonic() - began < 2.5
    assert pool.restarts == ["gave_way"]
    # Both are done in the end, the one that was stopped from its beginning on.
    for answer in slow:
        assert isinstance(answer.get(timeout=30), BindError)
    assert pool.restarts == ["gave_way"]
