"""The fence and the process that kills Helm runs without a lease."""

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from bind_operator.cluster.fence import ALL, Fence, Watchdog, clock
from bind_operator.errors import NotLeader


@dataclass
class Held:
    held: bool

    def holds(self) -> bool:
        return self.held


@contextlib.asynccontextmanager
async def watching() -> AsyncIterator[Watchdog]:
    watchdog = await Watchdog.start()
    yield watchdog
    await watchdog.close()


def run(watchdog: Watchdog, scope: str = ALL) -> subprocess.Popen[bytes]:
    return subprocess.Popen(["sleep", "60"], preexec_fn=lambda: watchdog.enroll(scope))


async def ended(process: subprocess.Popen[bytes], within_s: float = 5.0) -> int:
    async with asyncio.timeout(within_s):
        while process.poll() is None:  # noqa: ASYNC110  (another process)
            await asyncio.sleep(0.01)
    return process.returncode


def test_without_an_election_all_is_open() -> None:
    Fence({}, None).check("demo")


def test_one_lease_covers_all_namespaces() -> None:
    Fence({ALL: Held(held=True)}, None).check("demo")
    with pytest.raises(NotLeader, match="namespace demo"):
        Fence({ALL: Held(held=False)}, None).check("demo")


def test_named_namespaces_have_a_lease_each() -> None:
    fence = Fence({"a": Held(held=True), "b": Held(held=False)}, None)
    assert [fence.is_open(namespace) for namespace in ("a", "b", "elsewhere")] == [True, False, False]
    with pytest.raises(NotLeader):
        fence.guard("b")


async def test_a_run_ends_when_the_lease_does_and_not_before() -> None:
    async with watching() as watchdog:
        watchdog.extend(ALL, clock() + 60)
        process = run(watchdog)
        until = clock() + 0.5
        watchdog.extend(ALL, until)
        assert await ended(process) == -signal.SIGKILL
        assert clock() >= until


async def test_a_run_without_a_lease_ends_at_once() -> None:
    async with watching() as watchdog:
        watchdog.extend("a", clock() + 60)
        process = run(watchdog, "b")
        assert await ended(process) == -signal.SIGKILL


async def test_scopes_end_apart_and_an_ended_run_is_forgotten() -> None:
    async with watching() as watchdog:
        for scope in ("a", "b"):
            watchdog.extend(scope, clock() + 60)
        gone, first, second = run(watchdog, "a"), run(watchdog, "a"), run(watchdog, "b")
        gone.kill()
        await ended(gone)
        watchdog.extend("a", clock())
        assert await ended(first) == -signal.SIGKILL
        assert second.poll() is None
        os.kill(second.pid, signal.SIGKILL)
        await ended(second)


async def test_the_end_of_the_operator_ends_its_runs() -> None:
    watchdog = await Watchdog.start()
    watchdog.extend(ALL, clock() + 60)
    process = run(watchdog)
    await watchdog.close()
    assert await ended(process) == -signal.SIGKILL


async def test_a_watchdog_that_dies_is_no_secret() -> None:
    watchdog = await Watchdog.start()
    os.kill(watchdog._process.pid, signal.SIGKILL)
    with pytest.raises(RuntimeError, match="watchdog of Helm ended"):
        await watchdog.wait()
    await watchdog.close()
