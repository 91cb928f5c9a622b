"""Clients that do not take their answers, connect in masses, or hang up hard: others notice nothing."""

import json
import resource
import socket
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from bind_bench.servers.usage import usage_of
from support import wide_server
from support.server import ServerProcess, server
from support.waiting import until

MIB = 1 << 20
PROBE = b"HEAD /.well-known/live HTTP/1.1\r\nHost: x\r\n\r\n"
WIDE = (sys.executable, wide_server.__file__)
TEXTS = [f"text {number}" for number in range(1024)]
MANY = json.dumps({"texts": TEXTS}).encode()
ASK_MANY = b"POST /vectorize HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(MANY) + MANY

modes = pytest.mark.parametrize("workers", ["0", "2"], ids=["alone", "workers"])


def connect(port: int, receive_bytes: int = 0) -> socket.socket:
    connection = socket.socket()
    if receive_bytes:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    connection.settimeout(20)
    connection.connect(("127.0.0.1", port))
    return connection


def probe(connection: socket.socket) -> bool:
    connection.sendall(PROBE)
    return connection.recv(1000).startswith(b"HTTP/1.1 204")


def read_all(connection: socket.socket) -> None:
    while connection.recv(1 << 20):
        pass


def report(figures: str) -> None:
    """Show figures of a long test: they are why it is run by hand."""
    sys.stderr.write(f"\n{figures}\n")


def resident(process: ServerProcess) -> float:
    return usage_of(process.process.pid).rss_bytes / MIB


def kernel_mib() -> float:
    """Return what all TCP sockets of this network namespace hold in the kernel."""
    (line,) = [
        line for line in Path("/proc/net/sockstat").read_text().splitlines() if line.startswith("TCP:")
    ]
    return int(line.split()[-1]) * resource.getpagesize() / MIB


@contextmanager
def wide(folder: Path, workers: str, *arguments: str) -> Iterator[ServerProcess]:
    with server(folder, "--http-workers", workers, *arguments, command=WIDE) as process:
        yield process


def cost_of_readers_that_never_read(process: ServerProcess, clients: int) -> tuple[float, float]:
    """Return MiB of the processes and of the kernel for clients that ask for 11 MB and take nothing of it."""
    for _ in range(3):
        answer = httpx.post(f"{process.url}/vectorize", content=MANY, timeout=60)
        assert len(answer.content) > 10 * MIB
    before, before_kernel = resident(process), kernel_mib()
    with ExitStack() as stack:
        for _ in range(clients):
            stack.enter_context(connect(process.port, 4096)).sendall(ASK_MANY)
        counted = 'bind_held{unit="bytes"}'
        until(lambda: _held(process, counted) >= clients * 1024 * 4096, 240, "all are being answered")
        time.sleep(2)
        assert _asked(process, "still there") == 200
        return resident(process) - before, kernel_mib() - before_kernel


def _held(process: ServerProcess, name: str) -> float:
    lines = httpx.get(f"{process.url}/metrics", timeout=60).text.splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))


def _asked(process: ServerProcess, text: str) -> int:
    return httpx.post(f"{process.url}/vectorize", json={"texts": [text]}, timeout=60).status_code


# An HTTP worker has the vectors themselves, 4 MiB of each, which the budget counts.
@pytest.mark.parametrize(("workers", "mib_each"), [("0", 0.7), ("2", 7)], ids=["alone", "workers"])
def test_readers_that_never_read_do_not_cost_their_answers(
    tmp_path: Path, workers: str, mib_each: float
) -> None:
    with wide(tmp_path, workers) as process:
        processes, _ = cost_of_readers_that_never_read(process, 60)
        assert processes < 60 * mib_each


@pytest.mark.long
def test_a_thousand_of_them_cost_less_than_100_mib(tmp_path: Path) -> None:
    with wide(tmp_path, "0", "--max-queue-bytes", str(1 << 34)) as process:
        processes, kernel = cost_of_readers_that_never_read(process, 1000)
        report(f"1,000 readers that never read: {processes:.0f} MiB, in the kernel {kernel:.0f} MiB")
        assert processes < 100


@modes
def test_they_are_cut_off_after_a_while(tmp_path: Path, workers: str) -> None:
    with wide(tmp_path, workers, "--answer-timeout-s", "1") as process:
        connection = connect(process.port, 4096)
        connection.sendall(ASK_MANY)
        until(lambda: _held(process, 'bind_held{unit="bytes"}') > 0, 20, "it is answered", poll_s=0.05)
        until(lambda: _held(process, 'bind_held{unit="bytes"}') == 0, 20, "it is cut", poll_s=0.05)
        with pytest.raises(ConnectionResetError):
            read_all(connection)
        connection.close()


@modes
def test_1024_descriptors_are_enough_whatever_comes(tmp_path: Path, workers: str) -> None:
    """More connections than descriptors: those that came first are served, the others once there is room."""
    command = ("sh", "-c", 'ulimit -n 1024; exec "$0" -m bind_inference "$@"', sys.executable)
    with server(tmp_path, "--http-workers", workers, command=command) as process, ExitStack() as stack:
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        if most < 3000:
            pytest.skip("this process may not open as many connections itself")
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, most))
        connections = [stack.enter_context(connect(process.port)) for _ in range(1500)]
        earlier = connections[:300]
        large = json.dumps({"images": ["A" * 1_500_000]}).encode()
        head = b"POST /vectorize HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(large)
        for connection in earlier:
            assert probe(connection)
        for connection in earlier[:100]:  # each takes a descriptor of its own while it arrives
            connection.sendall(head + large[:1_200_000])
        for connection in earlier[:100]:
            connection.sendall(large[1_200_000:])
            assert connection.recv(1000).startswith(b"HTTP/1.1 4")
        for connection in connections[:700]:
            connection.close()
        for connection in connections[700:]:
            connection.settimeout(60)
            with_answer = _answered(connection)
            connection.close()
            assert with_answer in {True, None}
        assert httpx.get(f"{process.url}/meta", timeout=60).status_code == 200
        assert not [event for event in process.events() if event["message"] == "a request met a bug"]


def _answered(connection: socket.socket) -> bool | None:
    """Return whether a probe is answered, None if the connection was closed because it was idle."""
    try:
        return probe(connection)
    except ConnectionError:
        return None


@modes
def test_idle_connections_make_room_for_new_ones(tmp_path: Path, workers: str) -> None:
    with (
        server(tmp_path, "--http-workers", workers, "--max-connections", "20") as process,
        ExitStack() as stack,
    ):
        idle = [stack.enter_context(connect(process.port)) for _ in range(20)]
        assert all(probe(connection) for connection in idle)
        time.sleep(5.5)
        began = time.monotonic()
        assert httpx.get(f"{process.url}/meta", timeout=20).status_code == 200
        assert time.monotonic() - began < 5
        assert sum(_answered(connection) is True for connection in idle) >= 15
        assert [e for e in process.events() if e["message"].startswith("connections wait: 20 are open")]


@pytest.mark.long
@modes
def test_resets_leave_nothing_behind(tmp_path: Path, workers: str) -> None:
    with server(tmp_path, "--http-workers", workers) as process:
        _reset(process, 4000)
        before = resident(process)
        began = time.monotonic()
        _reset(process, 20_000)
        grown = resident(process) - before
        report(f"20,000 resets: {grown:+.1f} MiB in {time.monotonic() - began:.0f} s")
        assert grown < 10  # 4 kB and more each before, for 150 s


def _reset(process: ServerProcess, times: int) -> None:
    for _ in range(times):
        connection = connect(process.port)
        assert probe(connection)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
