"""Accepts connections, up to a limit: what comes above it waits in the kernel until there is room."""

from __future__ import annotations

import asyncio
import errno
import logging
import resource
import socket
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)

# Connections accepted before the loop does something else.
_BURST: Final = 64
_NO_ROOM: Final = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_PAUSE_S: Final = 1.0
# Descriptors that are not for connections: the model, decoders, workers, items that wait. And each connection
# may need a second one, for a large body.
_OTHER_DESCRIPTORS: Final = 192
_DESCRIPTORS_EACH: Final = 2


def allow_descriptors() -> None:
    """Let this process open as many descriptors as it may: container runtimes allow 1,024 unless it asks."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def connection_limit(wanted: int) -> int:
    """Return how many connections there may be: `wanted`, or what the descriptors of the process allow."""
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if descriptors == resource.RLIM_INFINITY:
        return wanted
    return max(1, min(wanted, (descriptors - _OTHER_DESCRIPTORS) // _DESCRIPTORS_EACH))


class Acceptor:
    """It hands over accepted connections while fewer than `limit` are open; at the limit it asks for room."""

    def __init__(
        self,
        listener: socket.socket,
        limit: int,
        *,
        count: Callable[[], int],
        hand_over: Callable[[socket.socket], None],
        make_room: Callable[[], None],
    ) -> None:
        """`count` says how many are open; `make_room` may close one that is idle."""
        self._listener = listener
        self._limit = limit
        self._count = count
        self._hand_over = hand_over
        self._make_room = make_room
        self._accepting = False
        self._full = False
        self._timer: asyncio.TimerHandle | None = None
        listener.setblocking(False)

    def start(self) -> None:
        """Accept from now on."""
        if not self._accepting and self._listener.fileno() >= 0:
            self._accepting = True
            asyncio.get_running_loop().add_reader(self._listener, self._accept)

    def stop(self) -> None:
        """Accept none until `start`; they wait in the kernel."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        self._full = False
        self._pause()

    def close(self) -> None:
        """Accept no more, for good."""
        self.stop()
        self._listener.close()

    def ended(self) -> None:
        """Go on where a connection has ended for which others wait."""
        if self._full and self._count() < self._limit:
            self.stop()
            self.start()

    def _pause(self) -> None:
        if self._accepting:
            self._accepting = False
            asyncio.get_running_loop().remove_reader(self._listener)

    def _accept(self) -> None:
        if self._count() >= self._limit:
            self._wait_for_room()
            return
        for _ in range(_BURST):
            if not self._accepting or self._count() >= self._limit:
                return  # called again if more of them wait
            try:
                connection, _ = self._listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in _NO_ROOM:
                    raise
                log.error("connections wait: %s", error.strerror)  # noqa: TRY400  (it is no bug)
                self._pause()
                self._timer = asyncio.get_running_loop().call_later(_PAUSE_S, self.start)
                return
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._hand_over(connection)

    def _wait_for_room(self) -> None:
        """Leave the others in the kernel until a connection ends, and see each second whether one is idle."""
        self._pause()
        if not self._full:
            log.warning("connections wait: %d are open, the limit", self._limit)
        self._full = True
        self._make_room()
        if self._full:
            self._timer = asyncio.get_running_loop().call_later(_PAUSE_S, self._look_again)

    def _look_again(self) -> None:
        self._timer = None
        self.start()
