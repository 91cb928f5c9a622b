"""The program that removes backups says in its last words what came of it, and the operator reads them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

MAX_NAMED = 10
"""A container's last words may have 4 KiB."""
MAX_FAULT = 800


@dataclass(frozen=True)
class Report:
    """It is what one run found and did."""

    kept: int | None
    """So many good backups are left; None where that is not known."""
    oldest: str | None
    """When the oldest of them was finished, RFC 3339."""
    removed: Sequence[str] = ()
    fault: str = ""

    def text(self) -> str:
        """Return it as one line."""
        return json.dumps(
            {
                "kept": self.kept,
                "oldest": self.oldest,
                "removed": list(self.removed[:MAX_NAMED]),
                "removedCount": len(self.removed),
                "fault": self.fault[:MAX_FAULT],
            }
        )


def time_text(seconds: float) -> str:
    """Return a time as the status has it."""
    return datetime.fromtimestamp(seconds, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
