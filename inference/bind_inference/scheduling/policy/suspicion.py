"""Judges the items that were at work when a server process died. Pure: the time is an argument.

Nothing says which of them did it. So each is under suspicion and is run by itself when it comes again; one
that was at work in a second death is refused for a while.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bind_inference.items.embedding import Key

# A server may die of something else while an item is at work (its node, its memory). Twice is no accident, as
# the second time the item was run by itself.
REFUSED_DEATHS: Final = 2
# The first to be forgotten are the oldest: a server that dies with a full queue suspects thousands.
MAX_REMEMBERED: Final = 2048


@dataclass(frozen=True, slots=True)
class Suspect:
    """An item of `size` bytes as sent was at work in `deaths` deaths, the last one `at` (wall clock, s)."""

    key: Key
    size: int
    deaths: int
    at: float

    @property
    def refused(self) -> bool:
        """Return whether it was at work in so many deaths that it is refused."""
        return self.deaths >= REFUSED_DEATHS

    @property
    def name(self) -> str:
        """Return what it is called in the log and in metrics: the first 16 digits of its hash."""
        return self.key[1].hex()[:16]


class Suspects:
    """Suspects are remembered for `ttl_s` after the last death; 0: none are."""

    def __init__(self, ttl_s: float) -> None:
        self.ttl_s = ttl_s
        self._suspects: dict[Key, Suspect] = {}

    def remember(self, found: Iterable[Suspect], now: float) -> list[Suspect]:
        """Note suspects, of this server or another one; return those whose deaths became more."""
        news = []
        for suspect in found:
            before = self.get(suspect.key, now)
            if suspect.at + self.ttl_s <= now or (before and before.deaths >= suspect.deaths):
                continue
            self._suspects.pop(suspect.key, None)
            self._suspects[suspect.key] = suspect
            news.append(suspect)
        while len(self._suspects) > MAX_REMEMBERED:
            del self._suspects[next(iter(self._suspects))]
        return news

    def get(self, key: Key, now: float) -> Suspect | None:
        """Return the suspect of that content, unless it is long ago."""
        if not self._suspects:
            return None
        suspect = self._suspects.get(key)
        if suspect and suspect.at + self.ttl_s <= now:
            del self._suspects[key]
            return None
        return suspect

    def all(self, now: float) -> list[Suspect]:
        """Return all that are remembered, the oldest first."""
        return [suspect for key in list(self._suspects) if (suspect := self.get(key, now))]
