"""A coroutine in a thread of its own, and how it ends."""

import asyncio
import threading

import pytest

from bind_operator.loop_thread import LoopThread
from support.waiting import becomes


async def test_it_runs_elsewhere_until_it_is_stopped() -> None:
    names = []

    async def main(stop: asyncio.Event) -> None:
        names.append(threading.current_thread().name)
        await stop.wait()

    thread = LoopThread("kopf", main)
    assert not await thread.wait(0.1)
    thread.stop()
    assert await thread.wait(10)
    assert not thread.is_alive
    assert names == ["kopf"]


async def test_one_that_is_stopped_at_once_ends() -> None:
    async def main(stop: asyncio.Event) -> None:
        await stop.wait()

    thread = LoopThread("kopf", main)
    thread.stop()
    assert await thread.wait(10)


async def test_what_it_raises_is_told() -> None:
    async def main(stop: asyncio.Event) -> None:
        raise RuntimeError("a watch has ended")

    thread = LoopThread("kopf", main)
    with pytest.raises(RuntimeError, match="a watch has ended"):
        await thread.wait(10)
    assert not thread.is_alive


async def test_what_it_cancels_is_its_own() -> None:
    ours = asyncio.create_task(asyncio.Event().wait())

    async def main(stop: asyncio.Event) -> None:
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    assert await LoopThread("kopf", main).wait(10)
    await asyncio.sleep(0)
    assert not ours.done()
    ours.cancel()


async def test_one_that_does_not_end_is_not_waited_for() -> None:
    begun, release = threading.Event(), threading.Event()

    async def main(stop: asyncio.Event) -> None:
        begun.set()
        release.wait(60)

    thread = LoopThread("kopf", main)
    await becomes(begun.is_set)
    thread.stop()
    assert not await thread.wait(0.2)
    assert thread.is_alive
    release.set()
    assert await thread.wait(10)
