"""The queue: one look at a time for each resource, no ring lost."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from bind_operator.policy.facts import Key
from bind_operator.reconcile.work_queue import Doorbell

A, B = Key("demo", "a"), Key("demo", "b")


@contextlib.asynccontextmanager
async def serving(bell: Doorbell, answer: Callable[[Key], Awaitable[float | None]]) -> AsyncIterator[None]:
    task = asyncio.create_task(bell.serve(answer))
    yield
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  (the conditions have no event of their own)
            await asyncio.sleep(0.001)


async def test_rings_before_the_look_are_one_look() -> None:
    looks: list[Key] = []

    async def answer(key: Key) -> None:
        looks.append(key)

    bell = Doorbell(workers=2)
    for _ in range(5):
        bell.ring(A)
    async with serving(bell, answer):
        await until(lambda: bool(looks))
        await asyncio.sleep(0.02)
    assert looks == [A]


async def test_a_ring_during_the_look_makes_another_and_never_two_at_once() -> None:
    running, most, looks = 0, 0, 0
    gate = asyncio.Event()

    async def answer(key: Key) -> None:
        nonlocal running, most, looks
        running, looks = running + 1, looks + 1
        most = max(most, running)
        await gate.wait()
        running -= 1

    bell = Doorbell(workers=4)
    bell.ring(A)
    async with serving(bell, answer):
        await until(lambda: looks == 1)
        bell.ring(A)
        await asyncio.sleep(0.02)
        assert looks == 1
        gate.set()
        await until(lambda: looks == 2)
    assert most == 1


async def test_two_resources_are_looked_at_side_by_side() -> None:
    active: set[Key] = set()
    gate = asyncio.Event()

    async def answer(key: Key) -> None:
        active.add(key)
        await gate.wait()

    bell = Doorbell(workers=2)
    bell.ring(A)
    bell.ring(B)
    async with serving(bell, answer):
        await until(lambda: active == {A, B})
        gate.set()


async def test_workers_are_a_limit() -> None:
    active: list[Key] = []
    gate = asyncio.Event()

    async def answer(key: Key) -> None:
        active.append(key)
        await gate.wait()

    bell = Doorbell(workers=1)
    bell.ring(A)
    bell.ring(B)
    async with serving(bell, answer):
        await until(lambda: len(active) == 1)
        await asyncio.sleep(0.02)
        assert len(active) == 1
        gate.set()
        await until(lambda: len(active) == 2)


async def test_the_answer_says_when_to_look_again() -> None:
    looks = 0

    async def answer(key: Key) -> float | None:
        nonlocal looks
        looks += 1
        return 0.01 if looks == 1 else None

    bell = Doorbell(workers=1)
    bell.ring(A)
    async with serving(bell, answer):
        await until(lambda: looks == 2)
        await until(lambda: not bell.knows(A))


async def test_an_earlier_ring_wins() -> None:
    looks = 0

    async def answer(key: Key) -> None:
        nonlocal looks
        looks += 1

    bell = Doorbell(workers=1)
    bell.ring(A, after_s=60.0)
    async with serving(bell, answer):
        await asyncio.sleep(0.01)
        assert looks == 0
        bell.ring(A, after_s=0.01)
        bell.ring(A, after_s=60.0)
        await until(lambda: looks == 1)


async def test_a_bug_is_logged_and_the_next_is_served(caplog: pytest.LogCaptureFixture) -> None:
    looks: list[Key] = []

    async def answer(key: Key) -> None:
        if key == A:
            raise ZeroDivisionError
        looks.append(key)

    bell = Doorbell(workers=1)
    bell.ring(A)
    async with serving(bell, answer):
        await until(lambda: "bug in the reconciler" in caplog.text)
        bell.ring(B)
        await until(lambda: looks == [B])
        assert bell.knows(A)


async def test_drain_waits_for_the_look() -> None:
    ended = False

    async def answer(key: Key) -> None:
        nonlocal ended
        await asyncio.sleep(0.05)
        ended = True

    bell = Doorbell(workers=1)
    bell.ring(A)
    async with serving(bell, answer):
        await until(lambda: bell.longest_look_s() > 0)
    await bell.drain(5.0)
    assert ended
