"""Decides how much may be held at once. Pure."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from bind_inference.errors import QueueFull, RequestTooLarge

if TYPE_CHECKING:
    from collections.abc import Iterator


class Budget:
    """Requests take from a budget, and give back, up to `limit` of a `unit`: items, bytes."""

    def __init__(self, limit: int, unit: str) -> None:
        self.limit = limit
        self.unit = unit
        self.held = 0

    def take(self, amount: int) -> None:
        """Hold `amount` more.

        Raises RequestTooLarge if that could never be, QueueFull if it cannot be now; then nothing is held.
        """
        if amount > self.limit:
            raise RequestTooLarge(
                f"the request needs {amount:,} {self.unit}; the server holds {self.limit:,} at most"
            )
        if self.held + amount > self.limit:
            raise QueueFull(f"the queue is full ({self.held:,} of {self.limit:,} {self.unit}); try again")
        self.held += amount

    def give(self, amount: int) -> None:
        """Hold `amount` less."""
        self.held -= amount

    @contextmanager
    def hold(self, amount: int) -> Iterator[None]:
        """Take `amount` for the length of a block."""
        self.take(amount)
        try:
            yield
        finally:
            self.give(amount)
