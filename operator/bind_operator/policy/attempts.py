"""Attempts count how often an action failed, and say when to try again. The time is an argument.

What may pass is tried for ever, the spec's own faults are not tried again.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field

from bind_operator.errors import OperatorError
from bind_operator.policy.facts import Failure

_MAX_DOUBLINGS = 30


@dataclass(frozen=True)
class _Record:
    aim: Hashable
    count: int
    next_at: float
    failure: Failure


@dataclass
class Attempts:
    """It keeps the failures of each resource since its last success. Another aim starts anew."""

    base_s: float
    max_s: float
    _records: dict[Hashable, _Record] = field(default_factory=dict)

    def record_failure(self, key: Hashable, aim: Hashable, error: OperatorError, now: float) -> Failure:
        """Count `error` and return what the status shall say of it."""
        before = self._records.get(key)
        count = before.count if before and before.aim == aim else 0
        count += 1
        message = str(error)
        if error.retry:
            wait_s = self._wait_s(count)
            times = f"failed {count} times in a row; " if count > 1 else ""
            message = f"{message} ({times}tried again in {wait_s:g} s)"
        else:
            wait_s = float("inf")
        failure = Failure(error.reason, message, is_final=not error.retry)
        self._records[key] = _Record(aim, count, now + wait_s, failure)
        return self._records[key].failure

    def blocking(self, key: Hashable, aim: Hashable, now: float) -> Failure | None:
        """Return the failure because of which `aim` must not be tried at `now`, or None."""
        record = self._records.get(key)
        return record.failure if record and record.aim == aim and now < record.next_at else None

    def wait_s(self, key: Hashable, now: float) -> float | None:
        """Return the seconds until the next attempt; None if there is none to wait for."""
        record = self._records.get(key)
        if record is None or record.next_at == float("inf"):
            return None
        return max(0.0, record.next_at - now)

    def _wait_s(self, count: int) -> float:
        # Not 2 ** count of a count without end, which no float holds.
        return min(self.base_s * 2.0 ** min(count - 1, _MAX_DOUBLINGS), self.max_s)

    def forget(self, key: Hashable) -> None:
        """Forget the failures of `key`, after a success or when it is gone."""
        self._records.pop(key, None)
