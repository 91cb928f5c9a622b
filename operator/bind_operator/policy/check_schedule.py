"""The schedule says when the live check is due, and what counts meanwhile. The time is an argument."""

from collections.abc import Hashable
from dataclasses import dataclass, field, replace

from bind_operator.policy.facts import Key, Verification
from bind_operator.policy.turns import turn_in_s
from bind_operator.reasons import Reason

FIRST_WAIT_S = 1.0
MAX_WAIT_S = 60.0
MAX_SILENT = 3
"""After so many checks in a row without an answer, a verified system no longer counts as verified.

So many without a connection are a fault, whatever was before; fewer may be the first seconds of a pod.
"""
MAX_BUSY = 10
"""So many where the servers are only busy: four to nine minutes of an import that leaves no room."""


@dataclass(frozen=True)
class _Record:
    subject: Hashable
    verification: Verification
    next_at: float
    failures: int = 0
    """So many checks in a row have found something wrong, or nothing."""
    unconnected: int = 0
    """So many in a row have had no connection."""


@dataclass
class CheckSchedule:
    """It keeps the last result of each resource. A result counts for one subject: these containers."""

    interval_s: float
    """A good result is asked for anew at the next turn of its resource, of which there is one in each."""
    _records: dict[Key, _Record] = field(default_factory=dict)

    def verdict(self, key: Key, subject: Hashable) -> Verification | None:
        """Return what counts for `subject`, None if it has not been checked."""
        record = self._records.get(key)
        return record.verification if record and record.subject == subject else None

    def is_known(self, key: Key) -> bool:
        """Return whether there is any result of `key`."""
        return key in self._records

    def wait_s(self, key: Key, subject: Hashable, now: float) -> float:
        """Return in how many seconds the next check is due, 0 if it is."""
        record = self._records.get(key)
        return max(0.0, record.next_at - now) if record and record.subject == subject else 0.0

    def record(self, key: Key, subject: Hashable, found: Verification, now: float) -> None:
        """Note the result of a check of `subject`."""
        before = self._records.get(key)
        before = before if before and before.subject == subject else None
        if found.is_good:
            self._records[key] = _Record(subject, found, now + turn_in_s(key, self.interval_s, now))
            return
        failures = before.failures + 1 if before else 1
        unconnected = (before.unconnected if before else 0) + 1 if found.in_the_end else 0
        if unconnected >= MAX_SILENT:
            is_known = found.reason is not Reason.VERIFYING
            reason = found.reason if is_known else Reason.VERIFICATION_FAILED
            found = replace(found, holds=False, reason=reason, message=found.in_the_end)
        most = MAX_BUSY if found.reason is Reason.INFERENCE_BUSY else MAX_SILENT
        is_silent = found.holds is None and failures < most
        kept = before.verification if before and before.verification.is_good and is_silent else found
        self._records[key] = _Record(subject, kept, now + backoff_s(failures), failures, unconnected)

    def restore(self, key: Key, subject: Hashable, verification: Verification, now: float) -> None:
        """Note a result of an earlier operator; the next check is due at once."""
        self._records[key] = _Record(subject, verification, now)

    def forget(self, key: Key) -> None:
        """Forget a resource that is gone."""
        self._records.pop(key, None)


def backoff_s(failures: int) -> float:
    """Return the wait after so many failures in a row, from one."""
    return float(min(FIRST_WAIT_S * 2 ** min(failures - 1, 10), MAX_WAIT_S))
