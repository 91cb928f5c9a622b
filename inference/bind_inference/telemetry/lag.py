"""Measures how long an event loop is held up: meanwhile no request, no probe and no response moves."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

# Short enough that hardly anything of a stall is missed, long enough to cost a thousandth of a CPU.
EVERY_S: Final = 0.02


class LagProbe:
    """It asks the running loop to be called in a moment, again and again, and notes how late that is."""

    def __init__(self, note: Callable[[float], None]) -> None:
        """`note` is called with the seconds of each delay."""
        self._note = note
        self._loop = asyncio.get_running_loop()
        self._due = self._loop.time() + EVERY_S
        self._timer = self._loop.call_later(EVERY_S, self._wake)

    def stop(self) -> None:
        """Measure no more."""
        self._timer.cancel()

    def _wake(self) -> None:
        now = self._loop.time()
        self._note(max(0.0, now - self._due))
        self._due = now + EVERY_S
        self._timer = self._loop.call_later(EVERY_S, self._wake)
