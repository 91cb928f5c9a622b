"""One end of the socket between a worker and the main process, in an event loop that it never blocks."""

from __future__ import annotations

import array
import asyncio
import contextlib
import errno
import itertools
import logging
import socket
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from bind_inference.items.shared_memory import Shared
from bind_inference.workers.messages import Malformed, Message, join_frame, split_packet

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Protocol

    class File(Protocol):
        """Sockets and shared memory have a descriptor."""

        def fileno(self) -> int:
            """Return it."""
            ...


log = logging.getLogger(__name__)

# Bytes up to which messages travel in the socket, which holds 200 kB; a larger one lies in a file.
INLINE_BYTES: Final = 1 << 16
# It stands for a packet that lies in the first file.
_IN_FILE: Final = b"\xff\xff\xff\xff"
_MOST_FILES: Final = 16
_ROOM: Final = socket.CMSG_SPACE(_MOST_FILES * array.array("i").itemsize)
# Packets read at once, so that a worker that sends many does not hold up the rest of the loop.
_BURST: Final = 32
# Too many descriptors are under way, or the kernel has no memory: nothing says when that is over.
_PASSING: Final = {errno.ETOOMANYREFS, errno.ENOBUFS, errno.ENOMEM}
_AGAIN_S: Final = 0.01


class Channel:
    """Messages come and go in their order; what the socket does not take waits here.

    Those that are sent in one turn of the loop go together: each packet costs two calls of the kernel, and
    may wake a process.
    """

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
        self._waiting: deque[tuple[bytes, Sequence[File], int]] = deque()
        self.unsent = 0
        """Bytes of messages that wait here, with those that lie in files for their size."""
        self._open = True
        self._soon = self._writing = False
        connection.setblocking(False)
        self._loop.add_reader(connection, self._read)

    def send(self, head: dict[str, Any], payload: bytes = b"", *files: File) -> None:
        """Send a message, as soon as may be; after the end it is dropped."""
        if not self._open:
            return
        frame = join_frame(head, payload, len(files))
        size = len(frame)
        if size > INLINE_BYTES:
            content = Shared()
            content.write(frame)
            frame, files = _IN_FILE, (content, *files)
        self._waiting.append((frame, files, size))
        self.unsent += size
        if not self._soon:
            self._soon = True
            self._loop.call_soon(self.flush)

    def flush(self) -> None:
        """Send now what waits, as much as the socket takes."""
        self._soon = False
        self._write()

    def close(self) -> None:
        """Close the socket; `on_end` is not called."""
        if self._open:
            self._open = False
            self._loop.remove_reader(self._connection)
            self._loop.remove_writer(self._connection)
            self._connection.close()
            self._writing = False
            self._waiting.clear()
            self.unsent = 0

    def _write(self) -> None:
        while self._open and self._waiting:
            count, packet, files = self._next_packet()
            try:
                send(self._connection, packet, files)
            except BlockingIOError:
                if not self._writing:
                    self._writing = True
                    self._loop.add_writer(self._connection, self._write)
                return
            except OSError as error:
                if error.errno in _PASSING:
                    self._stop_writing()
                    self._loop.call_later(_AGAIN_S, self._write)
                else:
                    self._end()
                return
            for _ in range(count):
                self.unsent -= self._waiting.popleft()[2]
        self._stop_writing()

    def _next_packet(self) -> tuple[int, bytes, Sequence[File]]:
        """Return how many of the messages that wait go next, with their bytes and files."""
        frame, files, _ = self._waiting[0]
        if frame is _IN_FILE or len(self._waiting) == 1:
            return 1, frame, files
        frames, all_files, size = [frame], list(files), len(frame)
        for frame, files, _ in itertools.islice(self._waiting, 1, None):
            size += len(frame)
            if frame is _IN_FILE or size > INLINE_BYTES or len(all_files) + len(files) > _MOST_FILES:
                break
            frames.append(frame)
            all_files += files
        return len(frames), b"".join(frames), all_files

    def _stop_writing(self) -> None:
        if self._open and self._writing:
            self._loop.remove_writer(self._connection)
        self._writing = False

    def _read(self) -> None:
        for _ in range(_BURST):
            if not self._open:
                return
            try:
                messages = receive(self._connection, self._buffer)
            except BlockingIOError:
                return
            except (EOFError, OSError):
                self._end()
                return
            except Malformed as error:
                log.warning("a message is none", extra={"error": str(error)})
                self._end()
                return
            for message in messages:
                if self._open:
                    self._on_message(message)

    def _end(self) -> None:
        if self._open:
            self.close()
            self._on_end()


def send(connection: socket.socket, packet: bytes, files: Sequence[File] = ()) -> None:
    """Send one packet. Raises BlockingIOError or another OSError; then nothing was sent."""
    if files:
        descriptors = array.array("i", [file.fileno() for file in files])
        connection.sendmsg([packet], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors)])
    else:
        connection.send(packet)


def receive(connection: socket.socket, buffer: bytearray) -> list[Message]:
    """Return the messages of one packet. Raises EOFError, Malformed, BlockingIOError or another OSError.

    One is `cut` if its files could not be received, because no descriptor is free.
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
    packet = bytes(memoryview(buffer)[:size])
    if packet == _IN_FILE:
        if not files:
            raise Malformed("the file of a large message is missing: no descriptor is free")
        content = files.pop(0)
        with contextlib.suppress(EOFError):
            packet = content.read(0, content.size)
    return split_packet(packet, files, cut=bool(flags & socket.MSG_CTRUNC))
