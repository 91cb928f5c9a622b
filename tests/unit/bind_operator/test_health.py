"""The probe, asked over HTTP."""

import time

import aiohttp
import pytest

from bind_operator.health import find_fault, start_health_server
from bind_operator.policy.facts import Key
from bind_operator.policy.watching import Cause, Signs
from bind_operator.reconcile.work_queue import WorkQueue
from support.ports import free_ports


def test_a_queue_that_moves_is_well() -> None:
    assert find_fault(WorkQueue(1), [], 60.0) is None


def test_a_queue_that_stands_still_is_not() -> None:
    queue = WorkQueue(1, heartbeat_at=time.monotonic() - 31)
    assert find_fault(queue, [], 60.0) == "the queue has not moved for 31 s"


def test_a_resource_that_never_ends_is_a_fault() -> None:
    queue = WorkQueue(1)
    queue._active[Key("demo", "a")] = time.monotonic() - 61
    assert "over 60 s" in (find_fault(queue, [], 60.0) or "")


def test_a_watch_that_is_stuck_is_a_fault() -> None:
    long_ago = time.monotonic() - 1000
    assert "pods" in (
        find_fault(WorkQueue(1), [Signs("pods", False, long_ago, long_ago, Cause.NONE)], 60.0) or ""
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
@pytest.mark.parametrize(("fault", "status"), [(None, 200), ("the queue has not moved", 503)])
async def test_the_answer_says_what_is_wrong(host: str, fault: str | None, status: int) -> None:
    (port,) = free_ports(1)
    runner = await start_health_server(port, lambda: fault)
    try:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://{host}:{port}/healthz") as answer,
        ):
            assert answer.status == status
            assert await answer.json() == {"fault": fault}
    finally:
        await runner.cleanup()
