"""Failures of a watch are counted each time, and told once."""

import logging

from bind_operator.metrics import WATCH_FAILURES
from bind_operator.policy.watching import Cause, WatchedKind

logger = logging.getLogger(__name__)


class WatchFailures:
    """They are the failures of one watch."""

    def __init__(self, kind: WatchedKind, name: str) -> None:
        self._kind = kind
        self._name = name
        self._told = Cause.NONE

    def record(self, cause: Cause, error: str, *, is_first: bool) -> None:
        """Count a failure, and log it unless it is a daily one or told already. is_first: in a row."""
        WATCH_FAILURES.labels(kind=self._kind.plural, cause=str(cause)).inc()
        # Expiry and a lost connection are daily; what else lasts is said once, not at each attempt.
        is_daily = cause is Cause.EXPIRED or (cause is Cause.UNREACHABLE and is_first)
        level = logging.DEBUG if is_daily or cause is self._told else logging.WARNING
        if cause is Cause.FORBIDDEN and self._kind.is_optional:
            level = min(level, logging.INFO)  # as the chart has it: the operator makes none of these
        fields = {"watch": self._name, "cause": str(cause), "error": error}
        if cause is Cause.NOT_SERVED:
            fields["hint"] = (
                "the API server does not know the kind; is the CRD installed (manifests/crds.yaml)?"
            )
        self._told = cause
        logger.log(level, "watch failed and is tried again", extra=fields)

    def over(self) -> None:
        """Note that the watch is well, so that the next failure is told again."""
        self._told = Cause.NONE
