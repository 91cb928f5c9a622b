"""Decides how much may be held at once. Pure."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Self

from bind_inference.errors import QueueFull, RequestTooLarge

if TYPE_CHECKING:
    from collections.abc import Iterator

# The share of the bytes that only small requests take: one eighth.
RESERVED_SHARE: Final = 8


class Budget:
    """Requests take from a budget, and give back, up to `limit` of a `unit`: items, bytes.

    The last `reserve` of it is for small requests alone, so that texts go on where media fill the rest.
    """

    def __init__(self, limit: int, unit: str, reserve: int = 0) -> None:
        self.limit = limit
        self.unit = unit
        self.reserve = reserve
        self.held = 0

    def check(self, amount: int, *, small: bool = False) -> None:
        """Raise RequestTooLarge if `amount` can never be held at once."""
        most = self._most(small=small)
        if amount > most:
            raise RequestTooLarge(
                f"the request needs {amount:,} {self.unit}; the server holds {most:,} at most"
            )

    def take(self, amount: int, *, small: bool = False) -> None:
        """Hold `amount` more.

        Raises RequestTooLarge if that could never be, QueueFull if it cannot be now; then nothing is held.
        """
        self.check(amount, small=small)
        most, held = self._most(small=small), self.held_by_all()
        if held + amount > most:
            raise QueueFull(f"the queue is full ({held:,} of {most:,} {self.unit}); try again")
        self._hold(self.held + amount)

    def give(self, amount: int) -> None:
        """Hold `amount` less."""
        self._hold(self.held - amount)

    def held_by_all(self) -> int:
        """Return what is held of the limit: by this budget, unless others share it."""
        return self.held

    @contextmanager
    def hold(self, amount: int, *, small: bool = False) -> Iterator[None]:
        """Take `amount` for the length of a block."""
        self.take(amount, small=small)
        try:
            yield
        finally:
            self.give(amount)

    def _hold(self, amount: int) -> None:
        self.held = amount

    def _most(self, *, small: bool) -> int:
        return self.limit if small else self.limit - self.reserve


class Hold:
    """One request holds of a budget what it has taken so far, until the block ends."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self.amount = 0

    def grow(self, amount: int, *, small: bool = False) -> None:
        """Take `amount` more. Raises as `Budget.take`."""
        self._budget.take(amount, small=small)
        self.amount += amount

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._budget.give(self.amount)
        self.amount = 0
