"""One JSON line per event: a constant message, the facts in fields. Never values, vectors or media."""

from __future__ import annotations

import logging
import sys
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import TYPE_CHECKING

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.orjson import OrjsonFormatter

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_fields: ContextVar[Mapping[str, str]] = ContextVar("log_fields", default=MappingProxyType({}))


@contextmanager
def log_fields(**fields: str) -> Iterator[None]:
    """Give every event that is logged inside the block, by whatever module, these fields too."""
    token = _fields.set({**_fields.get(), **fields})
    try:
        yield
    finally:
        _fields.reset(token)


def current_fields() -> dict[str, str]:
    """Return the fields of the blocks around the caller, for a process that goes on with its work."""
    return dict(_fields.get())


def json_handler() -> logging.Handler:
    """Return what writes {"time", "level", "logger", "message", "exception"?, …fields} to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_add_fields)
    handler.setFormatter(
        OrjsonFormatter(
            ("levelname", "name", "message"),
            defaults={"time": None},  # so that it comes first; the record's own is filled in last
            timestamp="time",
            rename_fields={"levelname": "level", "name": "logger", "exc_info": "exception"},
            reserved_attrs=[*RESERVED_ATTRS, "color_message"],  # uvicorn's: the message again
        )
    )
    return handler


def _add_fields(record: logging.LogRecord) -> bool:
    """Add what `log_fields` says to the record, unless its caller said otherwise."""
    for name, value in _fields.get().items():
        vars(record).setdefault(name, value)
    return True


def configure_logging(level: str) -> None:
    """Send every logger's events of `level` and above to standard error as JSON lines."""
    logging.basicConfig(level=level, handlers=[json_handler()], force=True)
    logging.captureWarnings(capture=True)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    # uvicorn tells at INFO what our own events say better; its access log costs more than a text's forward.
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    logging.getLogger("uvicorn.access").disabled = True
