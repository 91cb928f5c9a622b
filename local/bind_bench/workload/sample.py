"""A sample is what the clients bring back from one scenario on one server."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sample:
    """A scenario of one round on one server: requests answered in `elapsed_s`, each one's milliseconds.

    others: requests of the clients beside, of which nothing else is asked.
    """

    elapsed_s: float
    milliseconds: tuple[float, ...]
    meta_ms: tuple[float, ...]
    failed: int = 0
    others: int = 0

    @property
    def rate(self) -> float:
        """Requests answered per second."""
        return len(self.milliseconds) / self.elapsed_s
