"""Live checks beside the work queue: whatever the network does, the workers are free."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest
from prometheus_client import REGISTRY

from bind_operator.cluster.verification import Asker, Target
from bind_operator.policy.check_schedule import CheckSchedule
from bind_operator.policy.facts import Key, Verification
from bind_operator.policy.verification import Expected
from bind_operator.reasons import Reason
from bind_operator.reconcile.live_checks import MAX_CHECKS, LiveChecks
from bind_operator.reconcile.work_queue import WorkQueue
from support.deaf import deaf_address

STAMP = "2026-11-27T00:00:00Z"
KEY = Key("demo", "t")
TARGET = Target("http://127.0.0.1:1", None, Expected(None))
GOOD = Verification(True, Reason.VERIFIED, "fine")
WRONG = Verification(False, Reason.VERIFICATION_FAILED, "Huge")
METRIC = "bind_operator_verified_timestamp_seconds"


class Asked:
    """It answers checks with what a test puts there, and counts them."""

    def __init__(self, *results: Verification) -> None:
        self.results = list(results)
        self.at_once = 0
        self.most = 0
        self.count = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, _: Target) -> Verification:
        self.count += 1
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        await self.gate.wait()
        self.at_once -= 1
        return self.results.pop(0) if len(self.results) > 1 else self.results[0]


def made(ask: Callable[[Target], Awaitable[Verification]]) -> tuple[LiveChecks, list[Key]]:
    woken: list[Key] = []
    return LiveChecks(ask, woken.append, CheckSchedule(interval_s=300.0), lambda: STAMP), woken


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_look_starts_the_check_and_the_result_wakes_the_resource() -> None:
    checks, woken = made(Asked(GOOD))
    assert checks.look(KEY, "a", TARGET, None) is None
    assert checks.has_just_begun(KEY)
    await settled()
    assert woken == [KEY]
    found = checks.look(KEY, "a", TARGET, None)
    assert found is not None
    assert (found.holds, checks.has_just_begun(KEY)) == (True, False)
    assert found.verified_at is not None
    assert 0 < checks.wait_s(KEY) <= 300


async def test_looks_meanwhile_start_no_second_check() -> None:
    asked = Asked(GOOD)
    asked.gate.clear()
    checks, _ = made(asked)
    for _ in range(50):
        checks.look(KEY, "a", TARGET, None)
        await settled()
    assert asked.count == 1
    await checks.close()


async def test_a_good_result_is_not_asked_for_again_and_wakes_nobody() -> None:
    asked = Asked(GOOD)
    checks, woken = made(asked)
    for _ in range(5):
        checks.look(KEY, "a", TARGET, None)
        await settled()
    assert (asked.count, woken) == (1, [KEY])


async def test_other_containers_are_checked_at_once() -> None:
    asked = Asked(GOOD)
    checks, _ = made(asked)
    checks.look(KEY, "a", TARGET, None)
    await settled()
    assert checks.look(KEY, "b", TARGET, None) is None
    await settled()
    assert asked.count == 2


async def test_what_was_found_while_the_containers_changed_is_of_neither() -> None:
    asked = Asked(WRONG, GOOD)
    asked.gate.clear()
    checks, woken = made(asked)
    checks.look(KEY, "a", TARGET, None)
    await settled()
    checks.look(KEY, "b", TARGET, None)
    asked.gate.set()
    await settled()
    assert woken == [KEY]
    assert checks.look(KEY, "b", TARGET, None) is None
    await settled()
    found = checks.look(KEY, "b", TARGET, None)
    assert found is not None
    assert found.holds is True


async def test_a_failing_check_waits_before_the_next() -> None:
    asked = Asked(WRONG)
    checks, woken = made(asked)
    checks.look(KEY, "a", TARGET, None)
    await settled()
    assert checks.look(KEY, "a", TARGET, None) == WRONG
    assert 0.9 < checks.wait_s(KEY) <= 1.0
    assert (asked.count, woken) == (1, [KEY])


async def test_the_result_of_an_operator_before_counts_until_the_first_check_ends() -> None:
    asked = Asked(WRONG)
    asked.gate.clear()
    checks, _ = made(asked)
    assert checks.look(KEY, "a", TARGET, GOOD) == GOOD
    assert not checks.has_just_begun(KEY)
    await settled()
    asked.gate.set()
    await settled()
    assert checks.look(KEY, "a", TARGET, GOOD) == WRONG


async def test_the_time_of_the_last_good_check_is_a_metric_until_the_resource_goes() -> None:
    labels = {"namespace": "demo", "name": "t"}
    checks, _ = made(Asked(GOOD))
    checks.look(KEY, "a", TARGET, None)
    await settled()
    value = REGISTRY.get_sample_value(METRIC, labels)
    assert value == pytest.approx(time.time(), abs=60)
    checks.forget(KEY)
    assert REGISTRY.get_sample_value(METRIC, labels) is None


async def test_a_resource_that_goes_ends_its_check() -> None:
    asked = Asked(GOOD)
    asked.gate.clear()
    checks, woken = made(asked)
    checks.look(KEY, "a", TARGET, None)
    await settled()
    checks.forget(KEY)
    asked.gate.set()
    await settled()
    assert woken == []
    assert REGISTRY.get_sample_value(METRIC, {"namespace": "demo", "name": "t"}) is None


async def test_a_person_gets_one_new_check_for_each_request() -> None:
    asked = Asked(GOOD)
    checks, _ = made(asked)
    checks.look(KEY, "a", TARGET, None)
    await settled()
    for request in ("1", "2"):
        # Until the status says that it was followed, each look finds the request.
        for _ in range(3):
            checks.renew(KEY, request)
            checks.look(KEY, "a", TARGET, None)
            await settled()
        assert checks.look(KEY, "a", TARGET, None) is not None
        assert not checks.has_just_begun(KEY)
    assert asked.count == 3


async def test_a_bug_in_the_check_leaves_a_word(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(_: Target) -> Verification:
        raise ZeroDivisionError

    checks, woken = made(broken)
    checks.look(KEY, "a", TARGET, None)
    await settled()
    found = checks.look(KEY, "a", TARGET, None)
    assert found is not None
    assert (found.reason, woken) == (Reason.VERIFYING, [KEY])
    assert "bug in the live check" in caplog.text


async def test_so_many_run_at_once_and_no_more() -> None:
    asked = Asked(GOOD)
    asked.gate.clear()
    checks, woken = made(asked)
    for number in range(3 * MAX_CHECKS):
        checks.look(Key("demo", str(number)), "a", TARGET, None)
    await settled()
    assert asked.most == MAX_CHECKS
    asked.gate.set()
    for _ in range(10):
        await settled()
    assert len(woken) == 3 * MAX_CHECKS


async def test_64_resources_behind_a_policy_that_drops_packets_leave_the_workers_free() -> None:
    queue = WorkQueue(workers=8)
    asker = Asker(timeout_s=2.0, embedding_timeout_s=2.0)
    checks = LiveChecks(asker.ask, queue.add, CheckSchedule(interval_s=300.0), lambda: STAMP)
    healthy = Key("demo", "healthy")
    looked = asyncio.Event()
    occupied: list[int] = []

    with deaf_address() as (host, port):
        behind = Target(f"http://{host}:{port}", f"http://{host}:{port}", Expected(None))

        async def reconcile(key: Key) -> float | None:
            occupied.append(len(queue._active))
            if key == healthy:
                looked.set()
                return None
            checks.look(key, "a", behind, None)
            return checks.wait_s(key)

        for number in range(64):
            queue.add(Key("demo", str(number)))
        running = asyncio.create_task(queue.run(reconcile))
        await asyncio.sleep(0.3)
        queue.add(healthy)
        # The checks take 2 s each; a worker takes none of it.
        await asyncio.wait_for(looked.wait(), timeout=1.0)
        assert queue.longest_reconcile_s() < 0.5
        assert len(occupied) >= 65
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await checks.close()
