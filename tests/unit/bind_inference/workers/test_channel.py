"""Two ends of a socket in one event loop: nothing is lost, reordered or waited for."""

import asyncio
import os
import socket
from collections.abc import Callable, Iterator

import pytest

from bind_inference.items.shared_memory import Shared
from bind_inference.workers.channel import INLINE_BYTES, Channel, receive, send
from bind_inference.workers.messages import Message, join_frame


class Ends:
    """Both ends, and what has come to the second."""

    def __init__(self) -> None:
        self.sockets = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.received: list[Message] = []
        self.ended = 0

    def open(self) -> tuple[Channel, Channel]:
        ours, theirs = self.sockets
        return Channel(ours, lambda _: None, lambda: None), self.open_second(theirs)

    def packets(self) -> list[int]:
        """Return how many messages are in each packet that waits in the second socket."""
        self.sockets[1].setblocking(False)
        found = []
        while True:
            try:
                found.append(len(receive(self.sockets[1], bytearray(INLINE_BYTES + 1))))
            except BlockingIOError:
                return found

    def open_second(self, theirs: socket.socket) -> Channel:
        return Channel(theirs, self.received.append, self._end)

    def _end(self) -> None:
        self.ended += 1

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not condition():  # noqa: ASYNC110  (it is the loop that is tested)
                await asyncio.sleep(0)


@pytest.fixture
def ends() -> Iterator[Ends]:
    made = Ends()
    yield made
    for end in made.sockets:
        end.close()


async def test_messages_of_any_size_come_in_their_order_with_their_files(ends: Ends) -> None:
    ours, _ = ends.open()
    sizes = [0, 1, INLINE_BYTES - 100, INLINE_BYTES, 3_000_000, 5]
    for number, size in enumerate(sizes):
        file = Shared()
        file.write(b"file %d" % number)
        ours.send({"number": number}, os.urandom(1) * size, file)
    await ends.until(lambda: len(ends.received) == len(sizes))
    assert [message.head["number"] for message in ends.received] == list(range(len(sizes)))
    assert [len(message.payload) for message in ends.received] == sizes
    for number, message in enumerate(ends.received):
        (file,) = message.files
        assert file.read(0, file.size) == b"file %d" % number
        assert not message.cut


async def test_messages_of_one_turn_share_a_packet_where_they_fit(ends: Ends) -> None:
    ours = Channel(ends.sockets[0], lambda _: None, lambda: None)
    for _ in range(10):
        ours.send({})
    ours.flush()
    assert ends.packets() == [10]
    for size in (1, INLINE_BYTES // 2, INLINE_BYTES // 2, 2 * INLINE_BYTES, 1, 1):
        ours.send({}, b"x" * size)
    ours.flush()
    assert ends.packets() == [2, 1, 1, 2]
    for _ in range(20):
        ours.send({}, b"", Shared())
    ours.flush()
    assert ends.packets() == [16, 4]


async def test_a_full_socket_makes_nobody_wait_and_loses_nothing(ends: Ends) -> None:
    ours = Channel(ends.sockets[0], lambda _: None, lambda: None)
    for number in range(2000):
        ours.send({"number": number}, b"x" * 5000)  # 10 MB, of which a socket holds 0.2
    ends.open_second(ends.sockets[1])
    await ends.until(lambda: len(ends.received) == 2000)
    assert [message.head["number"] for message in ends.received] == list(range(2000))


async def test_files_that_are_under_way_are_too_many_for_the_kernel_once(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    import bind_inference.workers.channel as module

    refused = iter([109, 105])  # ETOOMANYREFS, ENOBUFS

    def failing(connection: socket.socket, frame: bytes, files: object) -> None:
        if (number := next(refused, None)) is not None:
            raise OSError(number, os.strerror(number))
        send(connection, frame, files)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "send", failing)
    ours, _ = ends.open()
    ours.send({"number": 1})
    ours.send({"number": 2})
    await ends.until(lambda: len(ends.received) == 2)
    assert [message.head["number"] for message in ends.received] == [1, 2]


@pytest.mark.parametrize("how", ["closed", "nonsense"])
async def test_the_end_is_told_once(ends: Ends, how: str) -> None:
    second = ends.open_second(ends.sockets[1])
    ends.sockets[0].send(join_frame({"last": True}))
    if how == "closed":
        ends.sockets[0].close()
    else:
        ends.sockets[0].send(b"nonsense")
    await ends.until(lambda: ends.ended > 0)
    assert [message.head for message in ends.received] == [{"last": True}]
    second.send({"too": "late"})
    second.close()
    await asyncio.sleep(0)
    assert ends.ended == 1


async def test_whoever_sends_to_one_that_is_gone_hears_of_it(ends: Ends) -> None:
    second = ends.open_second(ends.sockets[1])
    ends.sockets[0].close()
    for _ in range(3):
        second.send({"are": "you there"})
    await ends.until(lambda: ends.ended == 1)


def test_files_are_not_inherited_by_programs(ends: Ends) -> None:
    file = Shared()
    send(ends.sockets[0], join_frame({}, b"", 1), [file])
    (message,) = receive(ends.sockets[1], bytearray(INLINE_BYTES + 1))
    assert not os.get_inheritable(message.files[0].fd)
