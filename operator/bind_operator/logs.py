"""Each event is one JSON line: a constant message, and what varies in fields. No values, vectors or media."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any


class JsonFormatter(logging.Formatter):
    """Writes time, level, logger, message and the fields that the caller gave in `extra={"fields": …}`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line. The time is the record's own, in UTC with milliseconds."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= getattr(record, "fields", {})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


def configure_logging(level: str) -> None:
    """Send all logs of `level` and above to standard error as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # Each probe of the kubelet would be a line.
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    # kopf logs every event of every watched object at DEBUG and its own tasks at INFO.
    logging.getLogger("kopf").setLevel(max(logging.getLevelName(level), logging.WARNING))
