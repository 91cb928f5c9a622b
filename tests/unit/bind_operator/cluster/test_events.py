"""Events are told in order, also through an outage."""

import asyncio
import time
from typing import Any

import pytest

from bind_operator.cluster import events
from bind_operator.cluster.clock import ServerClock
from bind_operator.cluster.events import EventLog, build_event
from bind_operator.errors import ApiConflict, ApiRefused, ApiUnavailable, NotLeader, OperatorError
from bind_operator.reasons import Reason
from support.waiting import becomes

RESOURCE = {"metadata": {"name": "search", "namespace": "demo", "uid": "1"}}


class FakeClient:
    """Takes events, unless an error is set."""

    def __init__(self) -> None:
        self.clock = ServerClock()
        self.error: OperatorError | None = None
        self.refuses = ""
        """Only to paths that this is in, the error is answered."""
        self.taken: list[Any] = []

    async def items(self, path: str, *, fields: str) -> list[Any]:
        assert (path, fields) == ("/api/v1/namespaces/demo/events", "involvedObject.uid=1")
        return list(self.taken)

    async def create(self, path: str, body: Any) -> None:
        assert path == f"/api/v1/namespaces/{body['metadata']['namespace']}/events"
        if self.error is not None and self.refuses in path:
            raise self.error
        self.taken.append(body)

    @property
    def told(self) -> list[str]:
        return [event["message"] for event in self.taken]


def log_of(client: FakeClient) -> EventLog:
    return EventLog(client)  # type: ignore[arg-type]


async def tell(log: EventLog, *messages: str) -> None:
    for message in messages:
        await log.record(RESOURCE, Reason.UPGRADED, message, warning=False)


@pytest.mark.parametrize(
    "error",
    [
        ApiUnavailable("503"),
        NotLeader("lost"),
        ApiConflict("the quota has been modified"),
        ApiRefused("403: it has just started and knows no roles yet"),
    ],
)
async def test_what_cannot_be_told_now_is_told_later_and_in_order(error: OperatorError) -> None:
    client = FakeClient()
    log = log_of(client)
    client.error = error
    await tell(log, "1", "2")
    assert not await log.flush()
    client.error = None
    await tell(log, "3")
    assert client.told == []
    assert await log.flush()
    assert client.told == ["1", "2", "3"]
    await tell(log, "4")
    assert client.told == ["1", "2", "3", "4"]
    names = [event["metadata"]["name"] for event in client.taken]
    assert names == sorted(set(names))


async def test_what_was_being_told_when_a_lease_was_lost_is_told_later() -> None:
    class Silent(FakeClient):
        """It does not answer as long as a test says so, as an API server without etcd does."""

        def __init__(self) -> None:
            super().__init__()
            self.answers = asyncio.Event()

        async def create(self, path: str, body: Any) -> None:
            await self.answers.wait()
            await super().create(path, body)

    client = Silent()
    log = log_of(client)
    telling = asyncio.create_task(tell(log, "upgraded"))
    await asyncio.sleep(0)
    telling.cancel()
    await asyncio.gather(telling, return_exceptions=True)
    assert telling.cancelled()
    client.answers.set()
    await tell(log, "in sync")
    assert client.told == []
    assert await log.flush()
    assert client.told == ["upgraded", "in sync"]


async def test_it_is_told_without_being_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "FIRST_WAIT_S", 0.01)
    client = FakeClient()
    log = log_of(client)
    running = asyncio.create_task(log.run())
    client.error = ApiUnavailable("503")
    await tell(log, "1")
    client.error = None
    await becomes(lambda: client.told == ["1"])
    running.cancel()


@pytest.mark.parametrize(
    "error",
    [
        ApiConflict("events x already exists"),
        ApiRefused("forbidden: unable to create new content, because it is being terminated"),
    ],
)
async def test_what_was_told_before_or_has_nowhere_to_be_holds_up_nothing(error: OperatorError) -> None:
    client = FakeClient()
    log = log_of(client)
    client.error = error
    await tell(log, "1")
    client.error = None
    await tell(log, "2")
    assert client.told == ["2"]


async def test_what_is_refused_for_long_is_dropped_with_a_word(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    client = FakeClient()
    log = log_of(client)
    client.error = ApiRefused("403: no right")
    await tell(log, "1")
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 61.0)
    await tell(log, "2")
    assert not await log.flush()
    assert [record.message for record in caplog.records] == ["event not recorded"]
    client.error = None
    assert await log.flush()
    assert client.told == ["2"]


@pytest.mark.parametrize("error", [ApiRefused("403: no right"), ApiConflict("the quota has been modified")])
async def test_a_namespace_that_takes_no_events_holds_up_no_other(error: OperatorError) -> None:
    client = FakeClient()
    client.error, client.refuses = error, "/other/"
    log = log_of(client)
    other = {"metadata": RESOURCE["metadata"] | {"namespace": "other"}}
    await log.record(other, Reason.UPGRADED, "refused", warning=False)
    await tell(log, "1")
    assert client.told == ["1"]
    client.error, client.refuses = ApiUnavailable("503"), ""
    await tell(log, "2")
    client.error, client.refuses = error, "/other/"
    assert not await log.flush()
    assert client.told == ["1", "2"]
    client.error = None
    assert await log.flush()
    assert client.told == ["1", "2", "refused"]


async def test_a_long_outage_fills_no_memory(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(events, "MAX_WAITING", 3)
    client = FakeClient()
    log = log_of(client)
    client.error = ApiUnavailable("503")
    await tell(log, "1", "2", "3", "4", "5")
    client.error = None
    assert await log.flush()
    assert client.told == ["3", "4", "5"]
    assert [record.message for record in caplog.records] == ["event never recorded"] * 2


async def test_old_news_are_dropped_with_a_word(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    client = FakeClient()
    log = log_of(client)
    client.error = ApiUnavailable("503")
    await tell(log, "1")
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 700.0)
    client.error = None
    assert await log.flush()
    assert client.told == []
    assert caplog.records[0].event_message == "1"  # type: ignore[attr-defined]


def test_an_event_is_about_the_resource_and_has_its_time_in_the_name() -> None:
    event = build_event(RESOURCE, Reason.UPGRADED, "to\n2", warning=True, now_ns=1767323045_000000001)
    assert event["metadata"]["name"] == "search.1886caf21c963201"
    assert event["involvedObject"]["uid"] == "1"
    assert (event["type"], event["message"]) == ("Warning", "to; 2")
    assert event["lastTimestamp"] == event["firstTimestamp"] == "2026-01-02T03:04:05Z"


@pytest.mark.parametrize("error", [None, ApiUnavailable("503")], ids=["told", "waits"])
async def test_what_was_told_or_waits_to_be_is_found(error: OperatorError | None) -> None:
    client = FakeClient()
    client.error = error
    log = log_of(client)
    await tell(log, "upgraded to revision 12, because it was OutOfSync")
    assert await log.has_told(RESOURCE, [Reason.INSTALLED, Reason.UPGRADED], "revision 12")
    assert await log.has_told(RESOURCE, [Reason.UPGRADED])
    assert not await log.has_told(RESOURCE, [Reason.UPGRADED], "revision 1")
    assert not await log.has_told(RESOURCE, [Reason.INSTALLED], "revision 12")
