"""Polling says when to look again at a resource that is not ready, where no watch tells of a change."""

from collections.abc import Hashable
from dataclasses import dataclass, field


@dataclass
class Polling:
    """It doubles the wait as long as looks find nothing new: watches tell of most changes, within a second.

    100 resources that were not ready cost a fifth of a core at a look each 10 s.
    """

    base_s: float
    max_s: float
    _waits: dict[Hashable, float] = field(default_factory=dict)

    def wait_s(self, key: Hashable, *, is_new: bool) -> float:
        """Return the seconds until the next look. is_new: this one found something that the last had not."""
        before = 0.0 if is_new else self._waits.get(key, 0.0)
        self._waits[key] = min(before * 2, self.max_s) if before else min(self.base_s, self.max_s)
        return self._waits[key]

    def forget(self, key: Hashable) -> None:
        """Start anew with `key`, when it is ready or gone."""
        self._waits.pop(key, None)
