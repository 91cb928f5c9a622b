"""Decoders that die, hang or take too much: one item is refused, everything else goes on."""

import asyncio
import base64
import errno
import os
import random
import signal
import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from queue import SimpleQueue

import httpx
import numpy as np
import pytest

from bind_bench.figures.targets import META_MS
from bind_bench.workload.probe import probing
from bind_inference.decoders.decoding import Bounds, Decoded, decode
from bind_inference.decoders.handle import PoolLimits
from bind_inference.decoders.pool import DecoderPool
from bind_inference.decoders.process import NICENESS
from bind_inference.errors import (
    BindError,
    DecoderCrashed,
    DecodeTimeout,
    InvalidRequest,
    MediaTooLarge,
    NotReady,
    RequestTooLarge,
)
from bind_inference.items.bodies import Endpoint, ParsedBody, parse_body
from bind_inference.items.shared_memory import Blob, Shared
from bind_inference.modality import Modality
from bind_local.host.processes import children
from support import crashing
from support.media import picture, slow_picture, tone
from support.samples import Expected, encoded
from support.server import ROOT, ServerProcess, server

IMAGE = Modality.IMAGE
WORKERS = 2
TIMEOUT_S = 4.5
MEMORY_BYTES = 512 << 20


class Pool:
    """A pool whose answers are waited for."""

    def __init__(self, pool: DecoderPool, restarts: list[str]) -> None:
        self.pool = pool
        self.restarts = restarts

    def send(
        self, data: str, modality: Modality = IMAGE, wanted: Callable[[], bool] = lambda: True
    ) -> "SimpleQueue[Decoded | Exception]":
        answer: SimpleQueue[Decoded | Exception] = SimpleQueue()
        self.pool.decode(modality, data, wanted, lambda outcome, _: answer.put(outcome))
        return answer

    def ask(self, data: str, modality: Modality = IMAGE) -> Decoded | Exception:
        return self.send(data, modality).get(timeout=30)

    def read(self, kind: Endpoint, raw: bytes, max_items: int = 100) -> ParsedBody | Exception:
        shared, answer = Shared(), SimpleQueue[ParsedBody | Exception]()
        shared.write(raw)
        self.pool.read(kind, shared, max_items, lambda: True, lambda outcome, _: answer.put(outcome))
        return answer.get(timeout=30)

    @property
    def pids(self) -> list[int]:
        return [seat._process.pid for seat in self.pool._seats if seat._process]


@contextmanager
def opened(limits: PoolLimits) -> Iterator[Pool]:
    restarts: list[str] = []
    pool = Pool(DecoderPool(Bounds(), limits, restarts.append), restarts)
    pool.pool.start()
    pool.pool.check()
    try:
        yield pool
    finally:
        pool.pool.close()


@pytest.fixture(scope="module", autouse=True)
def _importable() -> Iterator[None]:
    """Let the fork server find our modules: it knows PYTHONPATH, but not what pytest adds to sys.path."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", f"{ROOT / 'inference'}:{ROOT / 'tests'}")
        yield


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pool]:
    """Return a pool in which some pictures do harm."""
    monkeypatch.setattr("bind_inference.decoders.handle.live", crashing.live)
    with opened(PoolLimits(WORKERS, TIMEOUT_S, MEMORY_BYTES)) as made:
        yield made


def harm(order: str) -> str:
    return base64.b64encode(order.encode()).decode()


def good(number: int) -> str:
    return base64.b64encode(picture(300 + number, 280)).decode()


def check(outcome: Decoded | Exception, data: str) -> None:
    """Assert that a picture was decoded to the last bit."""
    assert isinstance(outcome, Decoded), outcome
    (wanted,), (found,) = decode(IMAGE, data, Bounds()).slices, outcome.slices
    assert np.array_equal(found.tensor, wanted.tensor)


@pytest.mark.parametrize(
    ("order", "told"),
    [
        (f"signal {signal.SIGSEGV.value}", "SIGSEGV"),
        (f"signal {signal.SIGFPE.value}", "SIGFPE"),
        (f"signal {signal.SIGABRT.value}", "SIGABRT"),
        (f"signal {signal.SIGKILL.value}", "SIGKILL"),
        ("exit 3", "exit status 3"),
        ("exit 0", "exit status 0"),
    ],
)
def test_a_crash_fails_the_item_that_it_came_from_and_no_other(pool: Pool, order: str, told: str) -> None:
    items = [good(number) for number in range(10)]
    before = [pool.send(item) for item in items[:5]]
    bad = pool.send(harm(order))
    after = [pool.send(item) for item in items[5:]]
    outcome = bad.get(timeout=30)
    assert isinstance(outcome, DecoderCrashed), outcome
    assert outcome.status == 422
    assert outcome.message.startswith(f"its decoder crashed ({told})")
    for item, answer in zip(items, before + after, strict=True):
        check(answer.get(timeout=30), item)
    assert pool.restarts == ["crash"]


def test_a_decode_over_the_limit_is_stopped_and_told_with_both_figures(pool: Pool) -> None:
    slow, item = pool.send(harm("sleep 60")), good(1)
    check(pool.ask(item), item)
    outcome = slow.get(timeout=10)
    assert isinstance(outcome, DecodeTimeout), outcome
    assert outcome.status == 422
    assert outcome.message == (
        f"its decoder was stopped after {TIMEOUT_S} s; at most {TIMEOUT_S} s are allowed (--decode-timeout-s)"
    )
    check(pool.ask(item), item)
    assert pool.restarts == ["timeout"]


def test_an_item_that_takes_too_much_memory_is_told_the_limit(pool: Pool) -> None:
    outcome = pool.ask(harm(f"allocate {2 * MEMORY_BYTES}"))
    assert isinstance(outcome, MediaTooLarge), outcome
    assert f"{MEMORY_BYTES:,} bytes" in outcome.message
    assert pool.restarts == []


def test_a_bug_is_no_answer_to_the_client(pool: Pool) -> None:
    outcome = pool.ask(harm("bug"))
    assert not isinstance(outcome, BindError)
    assert "ZeroDivisionError: a bug of ours" in str(outcome)
    assert pool.restarts == []


def test_an_item_that_nobody_waits_for_is_not_decoded(pool: Pool) -> None:
    busy = [pool.send(harm("sleep 0.3")) for _ in range(WORKERS)]
    gone, item = pool.send(harm("exit 1"), wanted=lambda: False), good(1)
    check(pool.ask(item), item)
    for answer in busy:
        answer.get(timeout=10)
    assert gone.empty()
    assert pool.restarts == []


def test_a_process_that_dies_while_it_has_nothing_to_do_costs_nothing(pool: Pool) -> None:
    for pid in pool.pids:
        os.kill(pid, signal.SIGKILL)
    time.sleep(0.1)
    for number in range(4):
        check(pool.ask(good(number)), good(number))


def test_decoders_give_way_to_the_forward_pass(pool: Pool) -> None:
    # A process gives way once it has started; one of them is enough to decode for both.
    ours, deadline = os.getpriority(os.PRIO_PROCESS, 0), time.monotonic() + 30
    assert len(pool.pids) == WORKERS
    for pid in pool.pids:
        while os.getpriority(os.PRIO_PROCESS, pid) - ours != NICENESS:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_without_its_fork_server_the_pool_starts_another(pool: Pool) -> None:
    parents = {int(Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[1]) for pid in pool.pids}
    (fork_server,) = parents
    os.kill(fork_server, signal.SIGKILL)
    time.sleep(0.2)
    for number in range(4):
        check(pool.ask(good(number)), good(number))


def test_processes_killed_at_any_moment_cost_their_item_at_most(pool: Pool) -> None:
    stop, dice, outcomes = threading.Event(), random.Random(7), Counter[str]()

    def kill() -> None:
        decoded = 0
        while not stop.wait(dice.uniform(0.0, 0.1)):
            # Two items between kills, so that a slow machine, too, gets somewhere.
            if outcomes["Decoded"] < decoded + 2:
                continue
            try:
                os.kill(dice.choice(pool.pids), dice.choice([signal.SIGKILL, signal.SIGSEGV]))
            except (OSError, IndexError, ValueError):
                continue  # it is being replaced
            decoded = outcomes["Decoded"]

    killer = threading.Thread(target=kill)
    killer.start()
    items = [good(number % 7) for number in range(300)]
    answers = [pool.send(item) for item in items]
    for item, answer in zip(items, answers, strict=True):
        outcome = answer.get(timeout=60)
        outcomes[type(outcome).__name__] += 1
        if not isinstance(outcome, DecoderCrashed):
            check(outcome, item)
    stop.set()
    killer.join()
    assert outcomes["DecoderCrashed"] > 0
    assert outcomes["Decoded"] > 150
    assert pool.restarts.count("crash") == outcomes["DecoderCrashed"]
    check(pool.ask(items[0]), items[0])


def test_what_nobody_wants_any_more_is_let_go_while_every_process_is_busy(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bind_inference.decoders.pool._LOOK_S", 0.0)
    hung = [pool.send(harm("sleep 60")) for _ in range(WORKERS)]
    time.sleep(0.2)
    bodies, there = [Shared() for _ in range(5)], True
    held = [weakref.ref(body) for body in bodies]
    outcomes: SimpleQueue[ParsedBody | Exception] = SimpleQueue()
    for number, body in enumerate(bodies):
        body.write(b'{"texts":["%d"]}' % number)
        stays = partial(lambda number: there or number % 2 == 0, number)  # an odd one's client hangs up
        pool.pool.read(Endpoint.VECTORIZE, body, 9, stays, lambda told, _: outcomes.put(told))
    del bodies, body
    there = False
    last = pool.send(good(1))
    assert [ref() is None for ref in held] == [False, True, False, True, False]
    for answer in hung:
        assert isinstance(answer.get(timeout=30), DecodeTimeout)
    told = [outcomes.get(timeout=30) for _ in range(3)]
    assert {body.items[0].data for body in told if isinstance(body, ParsedBody)} == {"0", "2", "4"}
    check(last.get(timeout=30), good(1))


def test_without_a_process_to_be_had_the_server_is_to_blame_not_the_item(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_more(*_: object) -> None:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    with monkeypatch.context() as patch:
        patch.setattr("multiprocessing.popen_forkserver.Popen.__init__", no_more)
        while pool.pids:  # a seat whose process is gone already may take it, too
            assert isinstance(pool.ask(harm("exit 1")), DecoderCrashed | NotReady)
        assert pool.restarts == ["crash"] * WORKERS
        outcome = pool.ask(good(0))
        assert isinstance(outcome, NotReady), outcome
        assert "no decoder process can be started ([Errno 11] Resource temporarily" in outcome.message
    check(pool.ask(good(0)), good(0))


@pytest.mark.parametrize(
    ("end", "told"),
    [(True, "the body: its decoder crashed (SIGKILL)"), (False, "the body: its decoder was stopped after ")],
    ids=["killed", "late"],
)
def test_a_body_whose_decoder_ends_is_called_one(pool: Pool, *, end: bool, told: str) -> None:
    pids = pool.pids
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)  # it takes the body and is at it
    answer, shared = SimpleQueue[ParsedBody | Exception](), Shared()
    shared.write(LARGE[Endpoint.VECTORIZE])
    pool.pool.read(Endpoint.VECTORIZE, shared, 9, lambda: True, lambda outcome, _: answer.put(outcome))
    time.sleep(0.3)
    for pid in pids if end else []:
        os.kill(pid, signal.SIGKILL)
    outcome = answer.get(timeout=30)
    assert isinstance(outcome, BindError), outcome
    assert outcome.message.startswith(told)


def test_a_body_that_takes_too_much_memory_is_called_one(pool: Pool) -> None:
    answer, shared = SimpleQueue[ParsedBody | Exception](), Shared()
    os.ftruncate(shared.fd, MEMORY_BYTES + 1)  # of zeros that are nowhere
    pool.pool.read(Endpoint.VECTORIZE, shared, 9, lambda: True, lambda outcome, _: answer.put(outcome))
    outcome = answer.get(timeout=30)
    assert isinstance(outcome, RequestTooLarge), outcome
    assert outcome.message.startswith(f"the body takes more memory to decode than the {MEMORY_BYTES:,} bytes")


def test_a_closed_pool_leaves_no_process_even_where_one_hangs(pool: Pool) -> None:
    hung = pool.send(harm("sleep 60"))
    time.sleep(0.2)
    pids = pool.pids
    assert len(pids) == WORKERS
    pool.pool.close()
    wait_gone(pids, 2)
    assert hung.empty()


def test_processes_that_cannot_be_started_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bind_inference.decoders.handle.live", os._exit)  # not with these arguments
    broken = DecoderPool(Bounds(), PoolLimits(), lambda _: None)
    broken.start()
    with pytest.raises(Exception, match="the decoder processes do not start"):
        broken.check()
    broken.close()


@pytest.mark.parametrize("modality", set(Modality) - {Modality.TEXT})
def test_what_comes_back_is_what_was_decoded(pool: Pool, modality: Modality) -> None:
    names = {"image": "cmyk.jpg", "audio": "tone_44k_stereo_4s.wav", "video": "wide_25fps_6s.mp4",
             "imu": "imu_1500.csv", "thermal": "thermal.jpg", "depth": "depth.png"}  # fmt: skip
    data = encoded(modality, names[modality])
    found, wanted = pool.ask(data, modality), decode(modality, data, Bounds())
    assert isinstance(found, Decoded), found
    assert len(found.slices) == len(wanted.slices)
    for one, other in zip(found.slices, wanted.slices, strict=True):
        assert np.array_equal(one.tensor, other.tensor)
        assert one.tensor.flags.writeable  # or torch would warn of each
        assert (one.share, one.gflop) == (other.share, other.gflop)


LARGE = {
    Endpoint.VECTORIZE: rb'{"texts":["a dog","\u65e5 \u00e9","\/"],"images":["aGVs\nbG8="],"imu":[]}',
    Endpoint.EMBEDDINGS: b'{"input":["a dog","data:image/png;base64,aGVsbG8=","data:text/plain;base64,aGk=",'
    b'"data:x/y;base64,AA"],"model":"tiny","encoding_format":"base64"}',
}


@pytest.mark.parametrize("kind", Endpoint)
def test_a_large_body_is_read_as_a_small_one(pool: Pool, kind: Endpoint) -> None:
    found, wanted = pool.read(kind, LARGE[kind]), parse_body(kind, LARGE[kind], 100)
    assert isinstance(found, ParsedBody), found
    assert found.options == wanted.options
    assert [(fault.message, fault.item) for fault in found.faults] == [
        (fault.message, fault.item) for fault in wanted.faults
    ]
    assert [(item.modality, item.index) for item in found.items] == [
        (item.modality, item.index) for item in wanted.items
    ]
    data = [item.data.read() if isinstance(item.data, Blob) else item.data for item in found.items]
    assert data == [item.data for item in wanted.items]


def test_a_large_body_that_is_wrong_is_told_as_a_small_one(pool: Pool) -> None:
    outcome = pool.read(Endpoint.VECTORIZE, b'{"text":[]}')
    assert isinstance(outcome, InvalidRequest), outcome
    assert outcome.message.startswith("text: unknown field")


# ---- the real server


def descendants(pid: int) -> list[int]:
    return [each for child in children(pid) for each in (child, *descendants(child))]


def workers(pid: int) -> list[int]:
    """Return the decoder processes: the fork server's children."""
    return [each for child in children(pid) for each in children(child)]


def alive(pids: list[int]) -> list[int]:
    found = []
    for pid in pids:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[0]
        except OSError:
            continue
        if state != "Z":
            found.append(pid)
    return found


def wait_gone(pids: list[int], timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while alive(pids):
        assert time.monotonic() < deadline, f"{alive(pids)} of {pids} are left behind"
        time.sleep(0.02)


def busy(pids: list[int]) -> list[int]:
    """Return those that compute right now."""
    return [pid for pid in pids if Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith("R")]


async def one_busy(pid: int) -> int:
    """Return a decoder that has been busy for a while."""
    for _ in range(500):
        found = busy(workers(pid))
        await asyncio.sleep(0.1)
        if still := set(found) & set(busy(workers(pid))):
            return still.pop()
    raise TimeoutError("no decoder is busy")


async def test_the_server_outlives_its_decoders_and_says_which_item(
    running: ServerProcess, async_client: httpx.AsyncClient, expected: Expected
) -> None:
    async def restarts() -> float:
        text = (await async_client.get("/metrics")).text
        name = 'bind_decoder_restarts_total{cause="crash"}'
        return next(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name))

    before = await restarts()
    body = {"texts": ["beside it"], "images": [encoded(IMAGE, "small.webp", 901), slow_picture()]}
    bad = asyncio.create_task(async_client.post("/vectorize", json=body))
    pid = await one_busy(running.process.pid)
    neighbours = [
        asyncio.create_task(
            async_client.post("/vectorize", json={"images": [encoded(IMAGE, "alpha.png", n)]})
        )
        for n in range(910, 920)
    ]
    os.kill(pid, signal.SIGSEGV)
    answer = await bad
    assert answer.status_code == 422, answer.text
    assert answer.json()["error"].startswith("images[1]: its decoder crashed (SIGSEGV)")
    for neighbour in neighbours:
        told = await neighbour
        assert told.status_code == 200, told.text
        expected.check(IMAGE, "alpha.png", told.json()["imageVectors"][0])
    assert await restarts() == before + 1
    assert (await async_client.get("/.well-known/live")).status_code == 204
    (event,) = [event for event in running.events() if event["message"] == "a decoder was replaced"]
    assert (event["level"], event["cause"], event["modality"]) == ("WARNING", "crash", "image")
    assert event["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
async def test_no_process_outlives_the_server(tmp_path: Path, end: signal.Signals) -> None:
    files = tmp_path / "tmp"
    files.mkdir()
    at_once = ("--drain-delay-s", "0", "--drain-timeout-s", "0.1")
    with server(tmp_path, *at_once, TMPDIR=str(files)) as running:
        async with httpx.AsyncClient(base_url=running.url, timeout=30) as client:
            load = [
                asyncio.create_task(client.post("/vectorize", json={"images": [slow_picture(number)]}))
                for number in range(3)
            ]
            os.kill(await one_busy(running.process.pid), signal.SIGSTOP)  # this one will not end by itself
            pids = descendants(running.process.pid)
            assert len(pids) >= 3  # the fork server, multiprocessing's tracker and a decoder
            running.process.send_signal(end)
            await asyncio.to_thread(running.process.wait, 10)
            await asyncio.to_thread(wait_gone, pids, 5)
            await asyncio.gather(*load, return_exceptions=True)
            assert list(files.iterdir()) == []


def test_the_server_loads_no_decoder_and_a_decoder_no_torch(
    running: ServerProcess, client: httpx.Client
) -> None:
    body = {
        "images": [encoded(IMAGE, "cmyk.jpg", 930)],
        "audio": [encoded(Modality.AUDIO, "tone_16k_mono_5s.wav", 931)],
    }
    assert client.post("/vectorize", json=body).status_code == 200
    of_server = Path(f"/proc/{running.process.pid}/maps").read_text()
    assert "libtorch_cpu" in of_server
    assert not any(name in of_server for name in ("libavcodec", "_imaging", "libsndfile"))
    for pid in workers(running.process.pid):
        of_decoder = Path(f"/proc/{pid}/maps").read_text()
        assert "libavcodec" in of_decoder
        assert "torch" not in of_decoder
        limits = Path(f"/proc/{pid}/limits").read_text()
        assert f"Max data size             {2 << 30}" in limits


async def test_a_large_body_is_answered_as_a_small_one(
    async_client: httpx.AsyncClient, expected: Expected
) -> None:
    wide = "  " * (1 << 20)  # in base64, white space says nothing
    body = {
        "texts": ["a photo of a cat on the mat"],
        "images": [encoded(IMAGE, "landscape.jpg") + wide, "!" + wide, encoded(IMAGE, "small.webp") + wide],
    }
    answer = await async_client.post("/vectorize", json=body)
    assert answer.status_code == 422
    assert answer.json()["error"] == "images[1]: not valid base64"
    del body["images"][1]
    answer = await async_client.post("/vectorize", json=body)
    assert answer.status_code == 200, answer.text
    expected.check(IMAGE, "landscape.jpg", answer.json()["imageVectors"][0])
    expected.check(IMAGE, "small.webp", answer.json()["imageVectors"][1])
    expected.check(Modality.TEXT, "a photo of a cat on the mat", answer.json()["textVectors"][0])
    assert (await async_client.post("/vectorize", content=b"[" * (2 << 20))).status_code == 400


def test_probes_answer_while_the_largest_bodies_are_posted(
    running: ServerProcess, client: httpx.Client
) -> None:
    """Reading one in the server would hold up all else for some 100 ms: once for each body."""
    bodies = 8
    with probing("127.0.0.1", running.port, every_s=0.01) as probe:
        for number in range(bodies):
            body = b'{"images":["%08d' % number + b"AAAA" * 15_000_000 + b'"]}'
            assert client.post("/vectorize", content=body).status_code in {415, 422}
    assert set(probe.statuses) == {200}
    assert len(probe.statuses) > 50
    assert sum(ms > META_MS for ms in probe.milliseconds) <= bodies // 2


LONG_TEXTS = {
    "one word": "".join(random.Random(1).choices("abcdefghij", k=99_000)),
    "a nest": "&" + "amp;" * 9000,
}


@pytest.mark.parametrize("kind", LONG_TEXTS)
def test_a_text_that_takes_seconds_holds_up_nobody(
    running: ServerProcess, client: httpx.Client, kind: str
) -> None:
    """In the server, one word of 99,000 letters would hold the interpreter for 2 s."""
    answers: list[httpx.Response] = []
    asking = threading.Thread(
        target=lambda: answers.append(
            httpx.post(f"{running.url}/vectorize", json={"texts": [LONG_TEXTS[kind]]}, timeout=60)
        )
    )
    asking.start()
    times: list[float] = []
    while asking.is_alive():
        start = time.perf_counter()
        assert client.post("/vectorize", json={"texts": [f"short {len(times)}"]}).status_code == 200
        times.append(time.perf_counter() - start)
        time.sleep(0.01)
    assert answers[0].status_code == 200
    assert len(times) > 10
    assert max(times) < 0.5


def test_what_decoders_say_of_a_file_is_not_in_the_log(running: ServerProcess, client: httpx.Client) -> None:
    whole = tone(1, kind="MP3")
    broken = bytearray(whole)
    broken[600:700] = bytes(100)  # libmpg123 has much to say about this
    answer = client.post("/vectorize", json={"audio": [base64.b64encode(broken).decode()]})
    assert answer.status_code in {200, 422}
    assert all(line.startswith("{") for line in running.log.read_text().splitlines())
