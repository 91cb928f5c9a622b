"""A brake ends a fight: what was put back too often is left alone for a while. The time is an argument."""

from collections.abc import Hashable
from dataclasses import dataclass, field

from bind_operator.policy.facts import Key


@dataclass
class Brake:
    """It counts how often something of a resource was put back lately."""

    max_times: int
    window_s: float
    """So many times within these seconds are a fight; as long after the last of them it is tried again."""
    _times: dict[Key, dict[Hashable, list[float]]] = field(default_factory=dict)

    def record(self, key: Key, what: Hashable, now: float) -> None:
        """Count that `what` of `key` was put back at `now`."""
        times = self._times.setdefault(key, {}).setdefault(what, [])
        times.append(now)
        del times[: -self.max_times]

    def holds(self, key: Key, what: Hashable, now: float) -> bool:
        """Return whether `what` of `key` must be left alone at `now`."""
        times = self._times.get(key, {}).get(what, [])
        if len(times) < self.max_times or times[-1] - times[0] >= self.window_s:
            return False
        return now - times[-1] < self.window_s

    def wait_s(self, key: Key, now: float) -> float | None:
        """Return after how long something of `key` is no longer held; None if nothing is."""
        held = [
            times[-1] + self.window_s - now
            for what, times in self._times.get(key, {}).items()
            if self.holds(key, what, now)
        ]
        return min(held, default=None)

    def forget(self, key: Key) -> None:
        """Forget a resource that is gone."""
        self._times.pop(key, None)
