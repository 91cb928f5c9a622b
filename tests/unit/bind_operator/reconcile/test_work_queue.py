"""The work queue: each resource is reconciled by one worker at a time, and no key that is added is lost."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import pytest

from bind_operator.policy.facts import Key
from bind_operator.reconcile import work_queue
from bind_operator.reconcile.work_queue import Reconcile, WorkQueue

A, B = Key("demo", "a"), Key("demo", "b")


@contextlib.asynccontextmanager
async def serving(queue: WorkQueue, reconcile: Reconcile) -> AsyncIterator[None]:
    task = asyncio.create_task(queue.run(reconcile))
    yield
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  (the conditions have no event of their own)
            await asyncio.sleep(0.001)


async def test_adds_before_a_worker_is_free_are_one_reconciliation() -> None:
    runs: list[Key] = []

    async def reconcile(key: Key) -> None:
        runs.append(key)

    queue = WorkQueue(workers=2)
    for _ in range(5):
        queue.add(A)
    async with serving(queue, reconcile):
        await until(lambda: bool(runs))
        await asyncio.sleep(0.02)
    assert runs == [A]


async def test_an_add_meanwhile_makes_another_and_never_two_at_once() -> None:
    running, most, runs = 0, 0, 0
    gate = asyncio.Event()

    async def reconcile(key: Key) -> None:
        nonlocal running, most, runs
        running, runs = running + 1, runs + 1
        most = max(most, running)
        await gate.wait()
        running -= 1

    queue = WorkQueue(workers=4)
    queue.add(A)
    async with serving(queue, reconcile):
        await until(lambda: runs == 1)
        queue.add(A)
        await asyncio.sleep(0.02)
        assert runs == 1
        gate.set()
        await until(lambda: runs == 2)
    assert most == 1


async def test_two_resources_are_reconciled_side_by_side() -> None:
    active: set[Key] = set()
    gate = asyncio.Event()

    async def reconcile(key: Key) -> None:
        active.add(key)
        await gate.wait()

    queue = WorkQueue(workers=2)
    queue.add(A)
    queue.add(B)
    async with serving(queue, reconcile):
        await until(lambda: active == {A, B})
        gate.set()


async def test_no_more_run_than_there_are_workers() -> None:
    active: list[Key] = []
    gate = asyncio.Event()

    async def reconcile(key: Key) -> None:
        active.append(key)
        await gate.wait()

    queue = WorkQueue(workers=1)
    queue.add(A)
    queue.add(B)
    async with serving(queue, reconcile):
        await until(lambda: len(active) == 1)
        await asyncio.sleep(0.02)
        assert len(active) == 1
        gate.set()
        await until(lambda: len(active) == 2)


async def test_a_resource_is_requeued_after_what_the_reconciliation_returns() -> None:
    runs = 0

    async def reconcile(key: Key) -> float | None:
        nonlocal runs
        runs += 1
        return 0.01 if runs == 1 else None

    queue = WorkQueue(workers=1)
    queue.add(A)
    async with serving(queue, reconcile):
        await until(lambda: runs == 2)
        await until(lambda: A not in queue)


async def test_the_earliest_due_time_wins() -> None:
    runs = 0

    async def reconcile(key: Key) -> None:
        nonlocal runs
        runs += 1

    queue = WorkQueue(workers=1)
    queue.add(A, after_s=60.0)
    async with serving(queue, reconcile):
        await asyncio.sleep(0.01)
        assert runs == 0
        queue.add(A, after_s=0.01)
        queue.add(A, after_s=60.0)
        await until(lambda: runs == 1)


@contextlib.asynccontextmanager
async def kept_busy() -> AsyncIterator[tuple[WorkQueue, list[Key], asyncio.Event]]:
    """Serve a queue whose one worker A keeps busy until the gate opens; yield what begins, in its order."""
    order: list[Key] = []
    gate = asyncio.Event()

    async def reconcile(key: Key) -> None:
        order.append(key)
        await gate.wait()

    queue = WorkQueue(workers=1)
    queue.add(A)
    async with serving(queue, reconcile):
        await until(lambda: order == [A])
        yield queue, order, gate


async def test_what_something_has_happened_to_goes_before_routine() -> None:
    routine = [Key("ns", f"r{number}") for number in range(5)]
    async with kept_busy() as (queue, order, gate):
        for key in routine:
            queue.add(key, is_routine=True)
        queue.add(B)
        gate.set()
        await until(lambda: len(order) == 7)
    assert order == [A, B, *routine]


async def test_routine_waits_no_longer_than_its_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work_queue, "ROUTINE_PATIENCE_S", 0.0)
    async with kept_busy() as (queue, order, gate):
        queue.add(Key("ns", "routine"), is_routine=True)
        queue.add(B, after_s=0.001)
        await asyncio.sleep(0.01)
        gate.set()
        await until(lambda: len(order) == 3)
    assert order == [A, Key("ns", "routine"), B]


async def test_a_routine_look_becomes_urgent_when_something_happens() -> None:
    routine = [Key("ns", f"r{number}") for number in range(3)]
    async with kept_busy() as (queue, order, gate):
        for key in routine:
            queue.add(key, is_routine=True)
        queue.add(routine[2], after_s=0.001)
        await asyncio.sleep(0.01)
        gate.set()
        await until(lambda: len(order) == 4)
    assert order == [A, routine[2], routine[0], routine[1]]


async def test_a_bug_is_logged_and_the_next_is_served(caplog: pytest.LogCaptureFixture) -> None:
    runs: list[Key] = []

    async def reconcile(key: Key) -> None:
        if key == A:
            raise ZeroDivisionError
        runs.append(key)

    queue = WorkQueue(workers=1)
    queue.add(A)
    async with serving(queue, reconcile):
        await until(lambda: "bug in the reconciler" in caplog.text)
        queue.add(B)
        await until(lambda: runs == [B])
        assert A in queue


async def test_drain_waits_for_what_is_being_reconciled() -> None:
    ended = False

    async def reconcile(key: Key) -> None:
        nonlocal ended
        await asyncio.sleep(0.05)
        ended = True

    queue = WorkQueue(workers=1)
    queue.add(A)
    async with serving(queue, reconcile):
        await until(lambda: queue.longest_reconcile_s() > 0)
    await queue.drain(5.0)
    assert ended


async def test_a_resource_waits_until_this_operator_leads() -> None:
    runs: list[Key] = []
    led: set[Key] = {B}

    async def reconcile(key: Key) -> None:
        runs.append(key)

    queue = WorkQueue(2, led.__contains__)
    queue.add(A)
    queue.add(B)
    async with serving(queue, reconcile):
        await until(lambda: runs == [B])
        await asyncio.sleep(0.02)
        assert runs == [B]
        led.add(A)
        queue.wake()
        await until(lambda: runs == [B, A])


async def test_what_is_cancelled_ends_and_stays_due() -> None:
    ended: list[Key] = []
    led = {A, B}

    async def reconcile(key: Key) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(key)

    queue = WorkQueue(2, led.__contains__)
    queue.add(A)
    queue.add(B)
    async with serving(queue, reconcile):
        await until(lambda: len(queue._tasks) == 2)
        led.remove(A)
        queue.cancel(lambda key: key == A)
        await until(lambda: ended == [A])
        assert A in queue
        await asyncio.sleep(0.02)
        assert ended == [A]
