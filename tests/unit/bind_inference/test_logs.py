"""One JSON line per event, facts in fields."""

import json
import logging
import sys

from bind_inference.logs import JsonFormatter


def test_facts_are_fields_beside_a_constant_message() -> None:
    record = logging.makeLogRecord(
        {
            "name": "x",
            "levelname": "INFO",
            "msg": "batch cut",
            "created": 0.5,
            "modality": "text",
            "batch_size": 3,
        }
    )
    assert json.loads(JsonFormatter().format(record)) == {
        "time": "1970-01-01T00:00:00.500+00:00",
        "level": "INFO",
        "logger": "x",
        "message": "batch cut",
        "modality": "text",
        "batch_size": 3,
    }


def test_a_traceback_stays_on_the_line() -> None:
    try:
        int("line one\nline two")
    except ValueError:
        line = JsonFormatter().format(logging.makeLogRecord({"msg": "bug", "exc_info": sys.exc_info()}))
    assert "\n" not in line
    assert "Traceback" in json.loads(line)["exception"]
