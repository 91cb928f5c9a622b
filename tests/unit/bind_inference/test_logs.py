"""One JSON line per event, facts in fields."""

import asyncio
import json
import logging
import sys

from bind_inference.logs import json_handler, log_fields
from bind_inference.modality import Modality


def formatted(record: logging.LogRecord) -> str:
    handler = json_handler()
    assert handler.filter(record)
    return handler.format(record)


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
    assert json.loads(formatted(record)) == {
        "time": "1970-01-01T00:00:00.500000+00:00",
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
        line = formatted(logging.makeLogRecord({"msg": "bug", "exc_info": sys.exc_info()}))
    assert "\n" not in line
    assert "Traceback" in json.loads(line)["exception"]


def line(**extra: object) -> dict[str, object]:
    found: dict[str, object] = json.loads(
        formatted(logging.makeLogRecord({"msg": "x", "created": 1_700_000_000.0, **extra}))
    )
    return found


def test_a_message_in_colours_is_left_out() -> None:
    assert line() == line(color_message="\x1b[1mx")


def test_facts_may_be_keyed_by_modality() -> None:
    assert line(cosines={Modality.TEXT: 0.9998})["cosines"] == {"text": 0.9998}


def test_what_a_request_says_of_itself_is_on_every_line_inside_it() -> None:
    bare = line()
    with log_fields(request_id="outer"):
        with log_fields(trace_id="t"):
            assert line() == bare | {"request_id": "outer", "trace_id": "t"}
            assert line(request_id="own")["request_id"] == "own"
        assert "trace_id" not in line()
    assert "request_id" not in line()


async def test_requests_beside_each_other_keep_their_ids() -> None:
    async def request(name: str) -> list[object]:
        with log_fields(request_id=name):
            before = line()["request_id"]
            await asyncio.sleep(0.01)
            return [before, line()["request_id"], await asyncio.to_thread(lambda: line()["request_id"])]

    names = [f"r{number}" for number in range(5)]
    assert await asyncio.gather(*map(request, names)) == [[name] * 3 for name in names]
