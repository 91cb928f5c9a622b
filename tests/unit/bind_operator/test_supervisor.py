"""kopf is started anew whenever it has ended, and what may have been missed is looked at."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from bind_operator import supervisor
from bind_operator.errors import ApiUnavailable
from bind_operator.handlers import Ears, WatcherEnded
from bind_operator.policy.facts import Key
from bind_operator.policy.watching import DEAF_AFTER_S, RESOURCES, Cause, Request, deaf
from bind_operator.reconcile.work_queue import WorkQueue
from bind_operator.supervisor import MAX_ABANDONED, QUIET_S, ResourceWatch
from support.waiting import becomes

SHOP = Key("demo", "shop")
LISTED = Request(RESOURCES.path(""), is_watch=False, cause=Cause.NONE)


class FakeThread:
    """It does not run anything, and ends when it is told to, unless it hangs."""

    def __init__(self, ears: Ears, *, hangs: bool) -> None:
        self.ears = ears
        self._hangs = hangs
        self._ended = asyncio.Event()
        self._error: Exception | None = None

    @property
    def is_alive(self) -> bool:
        return not self._ended.is_set()

    def stop(self) -> None:
        if not self._hangs:
            self._ended.set()

    def end(self, error: Exception | None = None) -> None:
        self._error = error
        self._ended.set()

    async def wait(self, timeout_s: float) -> bool:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._ended.wait(), timeout_s)
        if self._error is not None:
            raise self._error
        return self._ended.is_set()


@dataclass
class World:
    queue: WorkQueue = field(default_factory=lambda: WorkQueue(1))
    threads: list[FakeThread] = field(default_factory=list)
    served: bool | Exception = True
    hangs: bool = False
    namespaces: list[str] = field(default_factory=list)

    def start(self, ears: Ears) -> FakeThread:
        self.threads.append(FakeThread(ears, hangs=self.hangs))
        return self.threads[-1]

    async def is_served(self) -> bool:
        if isinstance(self.served, Exception):
            raise self.served
        return self.served

    async def started(self, number: int) -> FakeThread:
        await becomes(lambda: len(self.threads) >= number)
        return self.threads[number - 1]

    def make(self) -> ResourceWatch:
        return ResourceWatch(self.start, self.is_served, self.queue, self.namespaces)  # type: ignore[arg-type]


Run = Callable[[World], Awaitable[ResourceWatch]]


@pytest.fixture
async def run(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Run]:
    monkeypatch.setattr(supervisor, "LOOK_S", 0.01)
    monkeypatch.setattr(supervisor, "STOP_S", 0.02)
    monkeypatch.setattr(supervisor, "retry_wait_s", lambda *_: 0.01)
    tasks = []

    async def begin(world: World) -> ResourceWatch:
        watch = world.make()
        tasks.append(asyncio.create_task(watch.run()))
        return watch

    yield begin
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def settled() -> None:
    """Let what was handed over between loops arrive."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_change_makes_its_resource_due(run: Run) -> None:
    world = World()
    watch = await run(world)
    (await world.started(1)).ears.changed("ADDED", SHOP)
    await settled()
    assert SHOP in world.queue
    assert watch.is_known(SHOP)


@pytest.mark.parametrize("error", [WatcherEnded("404", Cause.NOT_SERVED), RuntimeError("a bug"), None])
async def test_it_is_started_anew_for_ever(run: Run, error: Exception | None) -> None:
    world = World()
    await run(world)
    for number in range(1, 6):
        (await world.started(number)).end(error)
    await world.started(6)


async def test_what_was_there_before_is_looked_at_after_each_list(run: Run) -> None:
    world = World()
    await run(world)
    first = await world.started(1)
    first.ears.changed("ADDED", SHOP)
    first.end(WatcherEnded("an ERROR event", Cause.REFUSED))
    second = await world.started(2)
    world.queue._due.clear()
    second.ears.requested(LISTED)
    await settled()
    assert SHOP in world.queue


async def test_a_watch_that_goes_on_makes_nothing_due(run: Run) -> None:
    world = World()
    await run(world)
    thread = await world.started(1)
    thread.ears.changed("ADDED", SHOP)
    await settled()
    world.queue._due.clear()
    thread.ears.requested(Request(RESOURCES.path(""), is_watch=True, cause=Cause.NONE))
    await settled()
    assert SHOP not in world.queue


async def test_what_was_deleted_is_forgotten(run: Run) -> None:
    world = World()
    watch = await run(world)
    thread = await world.started(1)
    thread.ears.changed("ADDED", SHOP)
    thread.ears.changed("DELETED", SHOP)
    await settled()
    assert not watch.is_known(SHOP)
    assert SHOP in world.queue


async def test_nothing_is_started_where_the_kind_is_not_served(run: Run) -> None:
    world = World(served=False)
    watch = await run(world)
    await asyncio.sleep(0.1)
    assert world.threads == []
    assert watch.signs[0].cause is Cause.NOT_SERVED
    world.served = True
    await world.started(1)


async def test_an_api_server_that_is_away_is_left_to_kopf(run: Run) -> None:
    world = World(served=ApiUnavailable("away"))
    await run(world)
    await world.started(1)


async def test_a_kopf_that_has_gone_quiet_is_started_anew(run: Run) -> None:
    world = World()
    watch = await run(world)
    await world.started(1)
    watch._places[0].seen_at -= QUIET_S + 1
    watch._places[0].tried_at -= QUIET_S + 1
    await world.started(2)
    assert not world.threads[0].is_alive


async def test_some_that_do_not_end_are_left_behind_and_then_the_probe_says_so(run: Run) -> None:
    world = World(hangs=True)
    watch = await run(world)
    for number in range(1, MAX_ABANDONED + 1):
        await world.started(number)
        watch._places[0].seen_at -= QUIET_S + 1
        watch._places[0].tried_at -= QUIET_S + 1
    await asyncio.sleep(0.2)
    assert len(world.threads) == MAX_ABANDONED
    tried_at = watch.signs[0].tried_at
    assert "bindvectorizers" in (deaf(watch.signs, tried_at + DEAF_AFTER_S + 1) or "")
    world.threads[0].end()
    await world.started(MAX_ABANDONED + 1)


async def test_a_thread_that_was_left_behind_is_not_heard(run: Run) -> None:
    world = World(hangs=True)
    watch = await run(world)
    first = await world.started(1)
    watch._places[0].seen_at -= QUIET_S + 1
    watch._places[0].tried_at -= QUIET_S + 1
    await world.started(2)
    first.ears.changed("ADDED", SHOP)
    await settled()
    assert SHOP not in world.queue


async def test_each_namespace_has_signs_of_its_own(run: Run) -> None:
    world = World(namespaces=["demo", "other"])
    watch = await run(world)
    thread = await world.started(1)
    thread.ears.requested(Request(RESOURCES.path("other"), False, Cause.FORBIDDEN, "403"))
    thread.ears.requested(Request(RESOURCES.path("demo"), False, Cause.NONE))
    await settled()
    assert [one.cause for one in watch.signs] == [Cause.NONE, Cause.FORBIDDEN]
    assert [one.name for one in watch.signs] == ["bindvectorizers in demo", "bindvectorizers in other"]


async def test_a_failure_is_told_once(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    await run(world)
    thread = await world.started(1)
    for _ in range(3):
        thread.ears.requested(Request(RESOURCES.path(""), True, Cause.FORBIDDEN, "403"))
    await settled()
    told = [one for one in caplog.records if one.message == "watch failed and is tried again"]
    assert [one.levelname for one in told if one.levelname == "WARNING"] == ["WARNING"]


async def test_a_new_watch_is_a_sign_of_life(run: Run) -> None:
    watch = await run(World())
    watch._places[0].seen_at -= 50
    before = watch.signs[0].seen_at
    watch._requested(Request(RESOURCES.path(""), is_watch=True))
    assert watch.signs[0].seen_at == before
    watch._requested(Request(RESOURCES.path(""), is_watch=True, cause=Cause.NONE))
    assert watch.signs[0].seen_at > before + 49
