"""Decides whether a query may run in a pause of an import. Pure: the time is an argument.

A forward pass of a picture or a video can pause between two blocks. Where queries took every pause, an
import would stand still beside clients that ask again as soon as they are answered; so they have credit,
which grows as time goes by and which their own time takes.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class PauseBudget:
    """Queries may take `share` of the time, and `most_s` at once after a while without any."""

    share: float = 0.5
    most_s: float = 0.1
    _credit_s: float = 0.1
    _counted_to: float = 0.0

    def may_interrupt(self, now: float) -> bool:
        """Return whether a query may run now (monotonic seconds)."""
        passed_s = max(0.0, now - self._counted_to)
        self._credit_s = min(self.most_s, self._credit_s + passed_s * self.share / (1 - self.share))
        self._counted_to = max(now, self._counted_to)
        return self._credit_s > 0

    def interrupted(self, began: float, ended: float) -> None:
        """Note that a query ran in a pause, so long."""
        self._credit_s -= ended - began
        self._counted_to = ended
