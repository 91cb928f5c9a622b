"""One end of the socket between a worker and the main process, in an event loop that it never blocks."""

from __future__ import annotations

import array
import asyncio
import contextlib
import errno
import logging
import socket
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from bind_inference.items.shared_memory import Shared
from bind_inference.workers.messages import Malformed, Message, join_frame, split_frame

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Protocol

    class File(Protocol):
        """Sockets and shared memory have a descriptor."""

        def fileno(self) -> int:
            """Return it."""
            ...


log = logging.getLogger(__name__)

# Bytes up to which a message travels in the socket, which holds 200 kB; a larger one lies in a file.
INLINE_BYTES: Final = 1 << 15
# It stands for a message that lies in the first file.
_IN_FILE: Final = b"\xff\xff\xff\xff"
_MOST_FILES: Final = 4
_ROOM: Final = socket.CMSG_SPACE(_MOST_FILES * array.array("i").itemsize)
# Messages read at once, so that a worker that sends many does not hold up the rest of the loop.
_BURST: Final = 32
# Too many descriptors are under way, or the kernel has no memory: nothing says when that is over.
_PASSING: Final = {errno.ETOOMANYREFS, errno.ENOBUFS, errno.ENOMEM}
_AGAIN_S: Final = 0.01


class Channel:
    """Messages come and go in their order; what the socket does not take waits here."""

    def __init__(
        self,
        connection: socket.socket,
        on_message: Callable[[Message], None],
        on_end: Callable[[], None],
    ) -> None:
        """`on_end` is called once, when the other process is gone or has sent what is no message."""
        self._loop = asyncio.get_running_loop()
        self._connection = connection
        self._on_message = on_message
        self._on_end = on_end
        self._buffer = bytearray(INLINE_BYTES + 1)
        self._waiting: deque[tuple[bytes, Sequence[File]]] = deque()
        self._open = True
        connection.setblocking(False)
        self._loop.add_reader(connection, self._read)

    def send(self, head: dict[str, Any], payload: bytes = b"", *files: File) -> None:
        """Send a message, as soon as may be; after the end it is dropped."""
        if not self._open:
            return
        frame = join_frame(head, payload)
        if len(frame) > INLINE_BYTES:
            content = Shared()
            content.write(frame)
            frame, files = _IN_FILE, (content, *files)
        self._waiting.append((frame, files))
        if len(self._waiting) == 1:
            self._write()

    def close(self) -> None:
        """Close the socket; `on_end` is not called."""
        if self._open:
            self._open = False
            self._loop.remove_reader(self._connection)
            self._loop.remove_writer(self._connection)
            self._connection.close()
            self._waiting.clear()

    def _write(self) -> None:
        while self._open and self._waiting:
            frame, files = self._waiting[0]
            try:
                send(self._connection, frame, files)
            except BlockingIOError:
                self._loop.add_writer(self._connection, self._write)
                return
            except OSError as error:
                if error.errno in _PASSING:
                    self._loop.remove_writer(self._connection)
                    self._loop.call_later(_AGAIN_S, self._write)
                else:
                    self._end()
                return
            self._waiting.popleft()
        if self._open:
            self._loop.remove_writer(self._connection)

    def _read(self) -> None:
        for _ in range(_BURST):
            if not self._open:
                return
            try:
                message = receive(self._connection, self._buffer)
            except BlockingIOError:
                return
            except (EOFError, OSError):
                self._end()
                return
            except Malformed as error:
                log.warning("a message is none", extra={"error": str(error)})
                self._end()
                return
            self._on_message(message)

    def _end(self) -> None:
        if self._open:
            self.close()
            self._on_end()


def send(connection: socket.socket, frame: bytes, files: Sequence[File] = ()) -> None:
    """Send one message. Raises BlockingIOError or another OSError; then nothing was sent."""
    if files:
        descriptors = array.array("i", [file.fileno() for file in files])
        connection.sendmsg([frame], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors)])
    else:
        connection.send(frame)


def receive(connection: socket.socket, buffer: bytearray) -> Message:
    """Return one message. Raises EOFError, Malformed, BlockingIOError or another OSError.

    It is `cut` if its files could not be received, because no descriptor is free.
    """
    size, ancillary, flags, _ = connection.recvmsg_into([buffer], _ROOM, socket.MSG_CMSG_CLOEXEC)
    files: list[Shared] = []
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            descriptors = array.array("i")
            descriptors.frombytes(data[: len(data) - len(data) % descriptors.itemsize])
            files += [Shared(descriptor) for descriptor in descriptors]
    if not size:
        raise EOFError
    frame = bytes(memoryview(buffer)[:size])
    if frame == _IN_FILE:
        if not files:
            raise Malformed("the file of a large message is missing: no descriptor is free")
        content = files.pop(0)
        with contextlib.suppress(EOFError):
            frame = content.read(0, content.size)
    return Message(*split_frame(frame), files, cut=bool(flags & socket.MSG_CTRUNC))
