"""Counts the connections of a process; those that wait for a request may be closed for others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

# An idle connection is not closed for others sooner: its client may be about to ask.
SPARED_S: Final = 5.0


class Closable(Protocol):
    """A connection can be closed."""

    def close_idle(self) -> None:
        """Close it, without waiting for anything."""
        ...


class Connections:
    """They are counted, and the idle ones are known in the order in which they became so."""

    def __init__(self, on_ended: Callable[[], None] = lambda: None) -> None:
        self.on_ended = on_ended
        self.count = 0
        self._idle: dict[Closable, float] = {}

    def accepted(self) -> None:
        """Count a connection."""
        self.count += 1

    def idle(self, connection: Closable, now: float) -> None:
        """Note that `connection` waits for a request."""
        self._idle[connection] = now

    def busy(self, connection: Closable) -> None:
        """Note that a request has begun to arrive."""
        self._idle.pop(connection, None)

    def ended(self, connection: Closable | None = None) -> None:
        """Count a connection no more; None: it had ended before it was one."""
        self.count -= 1
        if connection is not None:
            self.busy(connection)
        self.on_ended()

    def make_room(self, now: float) -> None:
        """Close the connection that is idle for longest, unless that is a few seconds only."""
        connection = next(iter(self._idle), None)
        if connection is not None and now - self._idle[connection] >= SPARED_S:
            del self._idle[connection]
            connection.close_idle()
