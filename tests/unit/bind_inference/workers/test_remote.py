"""The service as a worker sees it: what it counts and holds, and a main process that hangs or hears."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from bind_inference.errors import NotReady, QueueFull
from bind_inference.items.bodies import Endpoint, Item
from bind_inference.modality import Modality
from bind_inference.readiness import Phase, Readiness
from bind_inference.settings import Settings
from bind_inference.workers import remote as module
from bind_inference.workers.channel import INLINE_BYTES, Channel, receive, send
from bind_inference.workers.messages import Message, join_frame, pack_error, pack_readiness
from bind_inference.workers.remote import RemoteService
from bind_inference.workers.shared_budget import Places


def state(phase: Phase, dimension: int | None) -> dict[str, object]:
    return {
        "readiness": pack_readiness(Readiness(phase)),
        "meta": {"state": phase, "version": "1"},
        "dimension": dimension,
    }


class Main:
    """The main process' end."""

    def __init__(self) -> None:
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.setblocking(False)
        self.places = Places(2)
        hello = {"started": 5, "max_body_bytes": 100, "place": 1, "state": state(Phase.STARTING, None)}
        self.service = RemoteService(Settings(model="Tiny"), hello, self.places.file, None)
        self.channel = Channel(theirs, self.service.receive, lambda: None)
        self.service.channel = self.channel
        self.heard: list[Message] = []

    async def hear(self) -> Message:
        async with asyncio.timeout(10):
            while not self.heard:
                try:
                    self.heard += receive(self.socket, bytearray(INLINE_BYTES + 1))
                except BlockingIOError:
                    await asyncio.sleep(0.005)
        return self.heard.pop(0)

    async def say(self, head: dict[str, object]) -> None:
        send(self.socket, join_frame(head))
        await asyncio.sleep(0.02)


@pytest.fixture
async def main() -> AsyncIterator[Main]:
    made = Main()
    yield made
    made.channel.close()
    made.socket.close()


TEXT = [Item(Modality.TEXT, 0, "a")]


async def test_it_is_as_ready_as_it_was_told(main: Main) -> None:
    for ask in (lambda: main.service.bodies, lambda: main.service.dimension):
        with pytest.raises(NotReady, match="Starting"):
            ask()
    await main.say({"do": "state", "state": state(Phase.READY, 32)})
    assert main.service.readiness.ready
    assert (main.service.dimension, main.service.bodies.limit) == (32, 100)
    assert main.service.meta("2") == {"state": "Ready", "version": "2"}


async def test_a_main_process_that_says_nothing_is_not_worth_keeping(
    main: Main, monkeypatch: pytest.MonkeyPatch
) -> None:
    await main.say({"do": "state", "state": state(Phase.READY, 32)})
    assert main.service.readiness.live
    monkeypatch.setattr(module, "SILENT_S", -1.0)
    assert not main.service.readiness.live
    monkeypatch.undo()
    await main.say({"do": "state", "state": state(Phase.READY, 32)})
    assert main.service.readiness.live


async def test_errors_and_bugs_of_the_main_process_are_raised_here(main: Main) -> None:
    for answer, kind in (
        ({"error": pack_error(QueueFull("full"))}, QueueFull),
        ({"bug": True}, RuntimeError),
    ):
        asked = asyncio.ensure_future(main.service.embed(TEXT, 1))
        head = (await main.hear()).head
        assert (head["do"], head["deaths"], head["items"]) == ("embed", 1, [["text", 0, "a"]])
        await main.say({"do": "answer", "id": head["id"]} | answer)
        with pytest.raises(kind):
            await asked


async def test_who_hangs_up_is_cancelled_there_and_a_late_answer_is_dropped(main: Main) -> None:
    asked = asyncio.ensure_future(main.service.embed(TEXT, 0))
    number = (await main.hear()).head["id"]
    asked.cancel()
    cancel = (await main.hear()).head
    assert (cancel["do"], cancel["id"]) == ("cancel", number)
    await main.say({"do": "answer", "id": number, "outcomes": []})
    again = asyncio.ensure_future(main.service.parse(Endpoint.VECTORIZE, b"{}"))
    assert (await again).items == []


async def test_counts_travel_with_any_message_or_after_a_moment(main: Main) -> None:
    await main.say({"do": "state", "state": state(Phase.READY, 32)})
    main.service.answered("/meta", 200, 0.5)
    with main.service.bodies.hold(7, small=True):
        asked = asyncio.ensure_future(main.service.embed(TEXT, 0))
        note = (await main.hear()).head["note"]
        assert (note["requests"], note["closed"], note["held"]) == ([["/meta", 200, 0.5]], 0, 7)
        assert main.places.held() == 7
        asked.cancel()
        note = (await main.hear()).head["note"]
        assert (note["requests"], note["held"]) == ([], 7)
    main.service.answered("/vectorize", 499, 0.25)
    main.service.answered("/vectorize", 200, 0.25)
    heard = (await main.hear()).head
    assert (heard["do"], heard["note"]["held"]) == ("counted", 0)
    assert [status for _, status, _ in heard["note"]["requests"]] == [499, 200]


async def test_ended_connections_are_told_at_once_and_together(main: Main) -> None:
    main.service.disconnected()
    main.service.disconnected()
    heard = (await main.hear()).head
    assert (heard["do"], heard["note"]["closed"]) == ("counted", 2)


async def test_the_lag_of_its_loop_travels_with_the_counts(main: Main) -> None:
    main.service.start()
    await asyncio.sleep(0.1)
    main.service.answered("/meta", 200, 0.5)
    lags = (await main.hear()).head["note"]["lags"]
    assert lags
    assert all(0 <= lag < 5 for lag in lags)
    main.service.stop()
