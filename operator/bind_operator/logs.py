"""Each event is one JSON line: a constant message, and what varies in fields. No values, vectors or media."""

import logging
import sys

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter

# What kopf gives its own events, the whole of its settings among it.
_OF_KOPF = ("k8s_ref", "k8s_skip", "settings")


def json_handler() -> logging.Handler:
    """Return what writes time, level, logger, message and the caller's `extra` to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        JsonFormatter(
            ("levelname", "name", "message"),
            defaults={"time": None},  # so that it comes first; the record's own is filled in last
            timestamp="time",
            rename_fields={"levelname": "level", "name": "logger", "exc_info": "exception"},
            reserved_attrs=[*RESERVED_ATTRS, *_OF_KOPF],
            json_ensure_ascii=False,
        )
    )
    return handler


def configure_logging(level: str) -> None:
    """Send all logs of `level` and above to standard error as JSON lines."""
    logging.basicConfig(level=level, handlers=[json_handler()], force=True)
    # Each probe of the kubelet would be a line.
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    # kopf logs each attempt of a request as an error, and each watch that ends with a traceback. What fails
    # is said once, by the supervisor.
    logging.getLogger("kopf").setLevel(logging.WARNING if level == "DEBUG" else logging.CRITICAL)
