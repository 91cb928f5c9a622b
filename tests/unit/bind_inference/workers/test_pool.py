"""Workers that do not start, or say what is no message: what the main process makes of it."""

import asyncio
import contextlib
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from bind_inference.readiness import Phase
from bind_inference.scheduling.service import Service
from bind_inference.settings import Settings
from bind_inference.workers import pool as module
from bind_inference.workers.channel import INLINE_BYTES, receive, send
from bind_inference.workers.messages import Message, join_frame
from bind_inference.workers.pool import MOST_FAILURES, Workers
from bind_inference.workers.server import MainServer
from bind_inference.workers.shared_budget import map_places
from support.fake_engine import FakeDecoders, FakeEngine
from support.waiting import becomes

IDLE = "import time; time.sleep(600)"


class Started:
    """Processes in the place of workers, and the ends of the sockets that are theirs."""

    def __init__(self, program: str, *, silent: bool) -> None:
        self.program = program
        self.silent = silent
        self.processes: list[subprocess.Popen[bytes]] = []
        self.ends: list[socket.socket] = []
        self.heard: dict[int, list[Message]] = {}

    def start(self) -> tuple[subprocess.Popen[bytes], socket.socket]:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        process = subprocess.Popen([sys.executable, "-c", self.program])
        if self.silent:
            theirs.close()
        else:
            theirs.settimeout(20)
        self.processes.append(process)
        self.ends.append(theirs)
        return process, ours

    async def hear(self) -> Message:
        """Return the next message to the youngest process."""
        heard = self.heard.setdefault(len(self.ends), [])
        if not heard:
            heard += await asyncio.to_thread(receive, self.ends[-1], bytearray(INLINE_BYTES + 1))
        return heard.pop(0)

    def say(self, frame: bytes) -> None:
        send(self.ends[-1], frame)

    def end(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()
        for end in self.ends:
            end.close()


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, bool], Started]]:
    made: list[Started] = []

    def start(program: str, silent: bool) -> Started:
        made.append(Started(program, silent=silent))
        monkeypatch.setattr(module, "start_process", made[-1].start)
        return made[-1]

    monkeypatch.setattr(module, "_PAUSE_S", 0.001)
    yield start
    for each in made:
        each.end()


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    made = FakeEngine()
    yield made
    made.gate.set()


@pytest.fixture
async def service(engine: FakeEngine) -> AsyncIterator[Service]:
    made = Service(
        Settings(model="Tiny"),
        lambda *_: engine,
        lambda _: None,
        decoders=lambda *_: FakeDecoders(),
    )
    yield made
    made.stop()


async def test_workers_that_never_start_make_the_server_useless(
    started: Callable[[str, bool], Started], service: Service
) -> None:
    starts = started("pass", True)
    workers, reasons = Workers(2), list[str]()
    workers.on_none_left = reasons.append
    workers.open(service)
    await becomes(lambda: reasons)
    assert service.readiness.phase is Phase.FAILED
    assert not service.readiness.live
    assert set(reasons) == {service.readiness.detail}  # the main process ends of the first
    assert 2 * MOST_FAILURES <= len(starts.processes) <= 2 * MOST_FAILURES + 2
    workers.kill()


async def test_one_that_says_nonsense_is_killed_and_replaced(
    started: Callable[[str, bool], Started], service: Service
) -> None:
    starts = started(IDLE, False)
    workers = Workers(1)
    workers.open(service)
    assert (await starts.hear()).head["do"] == "hello"
    starts.say(join_frame({"do": "ready"}))
    await becomes(lambda: len(workers.alive) == 1)
    starts.say(join_frame({"do": "embed", "id": 1, "note": {"requests": [1]}}))
    await becomes(lambda: len(starts.processes) == 2)
    assert starts.processes[0].poll() is not None
    assert workers.alive == []
    workers.kill()


async def test_what_one_has_asked_for_ends_with_it(
    started: Callable[[str, bool], Started], service: Service, engine: FakeEngine
) -> None:
    starts = started(IDLE, False)
    workers = Workers(1)
    workers.open(service)
    service.start()
    await becomes(lambda: service.readiness.ready)
    engine.gate.clear()
    note = {"requests": [], "closed": 0, "held": 500, "lags": []}
    for number in (1, 2):
        items = [["text", 0, f"a {number}"], ["text", 1, f"b {number}"]]
        ask = {"do": "embed", "id": number, "items": items, "deaths": 0, "log": {}, "note": note}
        starts.say(join_frame(ask))
    holds = b'bind_held{unit="items"} 4.0', b'bind_held{unit="bytes"} ' + str(4 * 616 + 500.0).encode()
    await becomes(lambda: all(line in service.metrics.render() for line in holds))
    starts.ends[0].close()
    await becomes(lambda: b'bind_held{unit="items"} 0.0' in service.metrics.render())
    assert b'bind_held{unit="bytes"} 0.0' in service.metrics.render()
    assert not engine.gate.is_set()
    workers.kill()


async def test_one_that_hangs_is_killed_and_replaced(
    started: Callable[[str, bool], Started], service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SPEAK_S", 0.01)
    starts = started(IDLE, False)
    workers = Workers(1)
    workers.open(service)
    starts.say(join_frame({"do": "ready"}))
    await becomes(lambda: len(workers.alive) == 1)
    asked = set[str]()
    while not {"hello", "state", "count"} <= asked:
        asked.add((await starts.hear()).head["do"])
    starts.say(join_frame({"do": "counted"}))
    monkeypatch.setattr(module, "_SILENT_S", 0.2)
    await becomes(lambda: len(starts.processes) == 2)
    assert starts.processes[0].poll() is not None
    workers.kill()


async def test_a_worker_is_told_each_change_of_the_state(
    started: Callable[[str, bool], Started], service: Service
) -> None:
    starts = started(IDLE, False)
    workers = Workers(1)
    workers.open(service)
    hello = (await starts.hear()).head
    assert hello["state"]["readiness"]["phase"] == Phase.STARTING
    assert hello["state"]["dimension"] is None
    assert Settings(**hello["settings"]) == service.settings
    service.start()
    await becomes(lambda: service.readiness.ready)
    state = (await starts.hear()).head["state"]
    assert (state["readiness"]["phase"], state["dimension"]) == (Phase.READY, service.dimension)
    assert state["meta"] == service.meta(state["meta"]["version"])
    service.drain()
    await asyncio.sleep(0)
    phases = set[str]()
    while Phase.DRAINING not in phases:
        phases.add((await starts.hear()).head["state"]["readiness"]["phase"])
    workers.kill()


async def test_the_metrics_wait_no_longer_than_a_moment_for_a_worker_that_hangs(
    started: Callable[[str, bool], Started], service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_COUNT_S", 0.05)
    starts = started(IDLE, False)
    workers = Workers(2)
    workers.open(service)
    for end in starts.ends:
        send(end, join_frame({"do": "ready"}))
    await becomes(lambda: len(workers.alive) == 2)
    note = {"requests": [["/meta", 200, 0.1]], "closed": 0, "held": 77, "lags": [0.3]}
    starts.say(join_frame({"do": "metrics", "id": 1, "log": {}, "note": note}))

    while (message := await starts.hear()).head["do"] != "answer":
        pass
    assert b'bind_requests_total{path="/meta",status="200"} 1.0' in message.payload
    assert b'bind_event_loop_lag_seconds_bucket{le="0.25",process="http_worker"} 0.0' in message.payload
    assert b'bind_event_loop_lag_seconds_bucket{le="0.5",process="http_worker"} 1.0' in message.payload
    workers.kill()


async def test_a_connection_of_which_nothing_was_read_goes_to_another_worker(
    started: Callable[[str, bool], Started], service: Service
) -> None:
    starts = started(IDLE, False)
    workers = Workers(1)
    workers.open(service)
    server = MainServer(service, workers, service.settings, socket.create_server(("127.0.0.1", 0)))
    starts.say(join_frame({"do": "ready"}))
    await becomes(lambda: len(workers.alive) == 1)
    ours = [socket.socketpair() for _ in range(2)]
    for _, theirs in ours:
        server._hand_over(theirs)
    while (message := await starts.hear()).head["do"] != "connection":
        pass
    starts.say(join_frame({"do": "taken", "id": message.head["id"]}))
    await asyncio.sleep(0.1)
    starts.ends[0].close()
    await becomes(lambda: len(starts.processes) == 2)
    starts.say(join_frame({"do": "ready"}))
    while (message := await starts.hear()).head["do"] != "connection":
        pass
    ours[1][0].sendall(b"still open")
    with socket.socket(fileno=message.files[0].detach()) as handed:
        assert await asyncio.to_thread(handed.recv, 100) == b"still open"
    workers.kill()
    for own, _ in ours:
        own.close()


async def test_what_one_held_is_free_once_it_has_ended(
    started: Callable[[str, bool], Started], service: Service
) -> None:
    starts = started(IDLE, False)
    workers = Workers(1)
    workers.open(service)
    hello = await starts.hear()
    numbers = map_places(hello.files[0])
    numbers[hello.head["place"]] = 500
    assert workers._places.held() == 500
    starts.say(join_frame({"do": "ready"}))
    starts.ends[0].close()
    await becomes(lambda: len(starts.processes) == 2)
    assert workers._places.held() == 0
    assert (await starts.hear()).head["place"] == hello.head["place"]
    workers.kill()


async def test_one_that_asks_and_does_not_read_is_ended(
    started: Callable[[str, bool], Started], service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bind_inference.workers.handle.bodies_share", lambda _: 100_000)
    starts = started(IDLE, False)
    workers = Workers(1)
    workers.open(service)
    service.start()
    await becomes(lambda: service.readiness.ready)
    starts.say(join_frame({"do": "ready"}))
    note = {"requests": [], "closed": 0, "held": 0, "lags": []}
    for number in range(400):
        items = [["text", index, f"{index}"] for index in range(100)]
        ask = {"do": "embed", "id": number, "items": items, "deaths": 0, "log": {}, "note": note}
        with contextlib.suppress(OSError):  # it is gone
            await asyncio.to_thread(starts.say, join_frame(ask))
        if len(starts.processes) == 2:
            break
    await becomes(lambda: len(starts.processes) == 2)
    workers.kill()
