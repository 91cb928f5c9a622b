"""The API server's clock tells how old objects are: it stamps them, and a node's own clock may jump."""

import time
from email.utils import parsedate_to_datetime

NOTED_EACH_S = 5.0


class ServerClock:
    """It follows the Date of the API server's answers; before the first one it is our own."""

    def __init__(self) -> None:
        """Begin without an answer."""
        self._date = 0.0
        self._noted_at = float("-inf")

    def note(self, date: str | None) -> None:
        """Take over the header `Date` of an answer that has just come."""
        at = time.monotonic()
        if date is None or at - self._noted_at < NOTED_EACH_S:
            return
        try:
            self._date = parsedate_to_datetime(date).timestamp()
        except ValueError:
            return
        self._noted_at = at

    def now(self) -> float:
        """Return seconds of the epoch; they may be late by one, since the header has whole seconds."""
        if not self._date:
            return time.time()
        return self._date + time.monotonic() - self._noted_at

    def timestamp(self) -> str:
        """Return the time as Kubernetes writes it, RFC 3339, UTC."""
        return rfc3339(self.now())


def rfc3339(seconds: float) -> str:
    """Return seconds of the epoch as Kubernetes writes them, UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
