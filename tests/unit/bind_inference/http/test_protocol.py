"""One connection, over a real socket: what its client does not take, sends too fast, or leaves behind."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from uvicorn.server import ServerState

from bind_inference.http.connections import Connections
from bind_inference.http.protocol import MAX_PIPELINED, Protocol, protocol
from bind_inference.http.server import configure
from bind_inference.settings import Settings
from support.waiting import becomes

LARGE = 50_000_000


async def app(scope: Any, _receive: Any, send: Any) -> None:
    """Answer as many bytes as the path says."""
    size = int(scope["path"][1:])
    head = [(b"content-length", str(size).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    while size:
        part = min(size, 100_000)
        size -= part
        await send({"type": "http.response.body", "body": b"a" * part, "more_body": size > 0})


@dataclass
class Served:
    """What is listened on, and the connections that it had."""

    port: int = 0
    connections: Connections = field(default_factory=Connections)
    made: list[Protocol] = field(default_factory=list)


@asynccontextmanager
async def serving(**settings: object) -> AsyncIterator[Served]:
    served = Served()
    given = Settings(model="Tiny", **settings)  # type: ignore[arg-type]
    config = configure(app, given, protocol(given, served.connections))
    config.load()

    def create() -> Protocol:
        served.connections.accepted()
        made: Any = config.http_protocol_class(
            config=config, server_state=ServerState(), app_state={}, _loop=asyncio.get_running_loop()
        )
        served.made.append(made)
        return made  # type: ignore[no-any-return]

    server = await asyncio.get_running_loop().create_server(create, "127.0.0.1", 0)
    served.port = server.sockets[0].getsockname()[1]
    try:
        yield served
    finally:
        server.close()


def connect(port: int, receive_bytes: int = 0) -> socket.socket:
    connection = socket.socket()
    if receive_bytes:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    connection.connect(("127.0.0.1", port))
    connection.settimeout(20)
    return connection


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def read_all(connection: socket.socket) -> None:
    while connection.recv(1 << 20):
        pass


def get(size: int) -> bytes:
    return f"GET /{size} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


async def in_thread(call: Callable[..., Any], *arguments: object) -> Any:
    return await asyncio.to_thread(call, *arguments)


async def test_a_connection_that_is_reset_leaves_no_timer_behind() -> None:
    async with serving() as served:
        connection = connect(served.port)
        connection.sendall(get(5))
        await in_thread(connection.recv, 1000)
        await becomes(lambda: served.made[0].timeout_keep_alive_task is not None)
        reset(connection)
        await becomes(lambda: served.connections.count == 0)
        assert served.made[0].timeout_keep_alive_task is None


async def test_an_answer_that_is_not_taken_ends_the_connection() -> None:
    async with serving(answer_timeout_s=0.3) as served:
        connection = connect(served.port, 4096)
        connection.sendall(get(LARGE))
        await becomes(lambda: served.connections.count == 1)
        await becomes(lambda: served.connections.count == 0, within_s=10)
        with pytest.raises(ConnectionResetError):
            await in_thread(read_all, connection)
        connection.close()


async def test_so_does_its_last_part() -> None:
    """Less than what makes the server wait: only the end of the idle time shows that nobody takes it."""
    async with serving(keep_alive_s=1) as served:
        connection = connect(served.port, 4096)
        connection.sendall(get(5))
        await becomes(lambda: served.made and served.made[0].timeout_keep_alive_task)
        transport = served.made[0].transport
        transport.set_write_buffer_limits(1 << 30)
        while transport.get_write_buffer_size() == 0:
            transport.write(b"a" * 1_000_000)
        await becomes(lambda: served.connections.count == 0, within_s=10)
        connection.close()


async def test_an_answer_that_is_taken_in_time_is_whole() -> None:
    async with serving(answer_timeout_s=20) as served:
        connection = connect(served.port, 4096)
        connection.sendall(get(LARGE))
        await asyncio.sleep(0.5)

        def read() -> int:
            size = 0
            while size < LARGE:
                size += len(connection.recv(1 << 20))
            return size

        assert await in_thread(read) >= LARGE
        connection.close()
        assert served.made[0]._answer_timer is None


async def test_one_that_was_waited_for_leaves_no_timer() -> None:
    async with serving(answer_timeout_s=0.5) as served:
        connection = connect(served.port)
        for _ in range(2):
            connection.sendall(get(10_000_000))
            size = 0
            while size < 10_000_000:
                size += len(await in_thread(connection.recv, 1 << 20))
            await asyncio.sleep(0.6)
        assert served.connections.count == 1
        connection.close()


@pytest.mark.parametrize(("requests", "answers"), [(MAX_PIPELINED, MAX_PIPELINED), (5000, 0)])
async def test_requests_that_wait_for_each_other_are_bounded(requests: int, answers: int) -> None:
    async with serving() as served:
        connection = connect(served.port)
        connection.sendall(get(5) * requests)
        received = b""
        with contextlib.suppress(ConnectionError):
            while received.count(b"aaaaa") < (answers or requests):
                if not (part := await in_thread(connection.recv, 1 << 20)):
                    break
                received += part
        assert received.count(b"aaaaa") >= answers
        if not answers:
            assert b"HTTP/1.1 400" in received
            await becomes(lambda: served.connections.count == 0)
        connection.close()


async def test_the_longest_idle_connection_makes_room() -> None:
    async with serving() as served:
        first, second = connect(served.port), connect(served.port)
        await becomes(lambda: served.connections.count == 2)
        first.sendall(get(5))  # so that the other is idle for longer
        await in_thread(first.recv, 1000)
        now = asyncio.get_running_loop().time()
        served.connections.make_room(now + 1)
        await asyncio.sleep(0.05)
        assert served.connections.count == 2, "it was idle for a moment only"
        served.connections.make_room(now + 60)
        await becomes(lambda: served.connections.count == 1)
        assert await in_thread(second.recv, 10) == b""
        first.close()
        second.close()
