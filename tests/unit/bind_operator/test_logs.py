"""Each event is one JSON line with its facts as fields."""

import json
import logging
import sys

from bind_operator.logs import json_handler
from bind_operator.reasons import Reason


def line(**fields: object) -> str:
    record = {"name": "x", "levelname": "INFO", "msg": "helm %s", "args": ("ran",), "created": 0.5}
    return json_handler().format(logging.makeLogRecord({**record, **fields}))


def test_facts_are_fields_beside_a_constant_message() -> None:
    assert json.loads(line(release="größer", reason=Reason.IN_SYNC)) == {
        "time": "1970-01-01T00:00:00.500000+00:00",
        "level": "INFO",
        "logger": "x",
        "message": "helm ran",
        "release": "größer",
        "reason": "InSync",
    }


def test_the_time_comes_first_and_letters_stay_readable() -> None:
    assert line(release="größer").startswith('{"time": "1970')
    assert "größer" in line(release="größer")


def test_a_traceback_stays_on_the_line() -> None:
    try:
        int("line one\nline two")
    except ValueError:
        told = line(exc_info=sys.exc_info())
    assert "\n" not in told
    assert "Traceback" in json.loads(told)["exception"]


def test_what_kopf_adds_to_its_own_events_is_left_out() -> None:
    assert line() == line(k8s_ref={"name": "t"}, k8s_skip=True, settings=object())
