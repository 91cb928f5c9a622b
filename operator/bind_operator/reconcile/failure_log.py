"""The failure log tells each failure once: when it comes, when it changes and when it has gone."""

import logging
from dataclasses import dataclass, field

from bind_operator.errors import OperatorError
from bind_operator.policy.facts import Key

TOLD_AT = (1, 10, 100, 1000)
"""At these counts the same failure is logged, so that a log that begins later tells of it, too."""


@dataclass
class _Last:
    text: str
    times: int = 0


@dataclass
class FailureLog:
    """It remembers the last failure of each resource, by what was tried."""

    logger: logging.Logger
    _last: dict[tuple[Key, str], _Last] = field(default_factory=dict)

    def failed(self, key: Key, what: str, error: OperatorError) -> None:
        """Log that `what` failed for `key`, unless it failed the same way the last time."""
        text = f"{error.reason}: {error}"
        last = self._last.get((key, what))
        if last is None or last.text != text:
            last = self._last[key, what] = _Last(text)
        last.times += 1
        if last.times in TOLD_AT:
            fields = {"reason": str(error.reason), "error": str(error), "times": last.times}
            self.logger.warning("%s failed", what, extra=_fields(key) | fields)

    def succeeded(self, key: Key, what: str) -> None:
        """Log that `what` no longer fails for `key`, if it did."""
        last = self._last.pop((key, what), None)
        if last is not None:
            fields = {"error": last.text, "times": last.times}
            self.logger.info("%s works again", what, extra=_fields(key) | fields)

    def forget(self, key: Key) -> None:
        """Forget a resource that is gone."""
        for one in [one for one in self._last if one[0] == key]:
            del self._last[one]


def _fields(key: Key) -> dict[str, object]:
    return {"bindvectorizer": key.name, "namespace": key.namespace}
