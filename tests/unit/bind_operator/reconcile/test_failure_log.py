"""The same failure is one line in the log, however often it comes."""

import logging

import pytest

from bind_operator.errors import ApiUnavailable, HelmFailed
from bind_operator.policy.facts import Key
from bind_operator.reconcile.failure_log import FailureLog

KEY = Key("demo", "t")


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> FailureLog:
    caplog.set_level(logging.INFO)
    return FailureLog(logging.getLogger("test"))


def test_the_same_failure_is_told_at_1_10_and_100(log: FailureLog, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(150):
        log.failed(KEY, "look", ApiUnavailable("away"))
    assert [vars(record)["times"] for record in caplog.records] == [1, 10, 100]
    assert {record.getMessage() for record in caplog.records} == {"look failed"}


def test_another_failure_and_the_end_are_told(log: FailureLog, caplog: pytest.LogCaptureFixture) -> None:
    for error in (ApiUnavailable("away"), ApiUnavailable("away"), HelmFailed("boom")):
        log.failed(KEY, "look", error)
    log.succeeded(KEY, "look")
    log.succeeded(KEY, "look")
    said = [(record.getMessage(), vars(record)["error"]) for record in caplog.records]
    assert said == [
        ("look failed", "away"),
        ("look failed", "boom"),
        ("look works again", "HelmFailed: boom"),
    ]


def test_resources_and_what_was_tried_are_apart(log: FailureLog, caplog: pytest.LogCaptureFixture) -> None:
    log.failed(KEY, "look", ApiUnavailable("away"))
    log.failed(Key("demo", "u"), "look", ApiUnavailable("away"))
    log.failed(KEY, "Upgrade", ApiUnavailable("away"))
    assert len(caplog.records) == 3


def test_what_is_gone_is_forgotten(log: FailureLog, caplog: pytest.LogCaptureFixture) -> None:
    log.failed(KEY, "look", ApiUnavailable("away"))
    log.forget(KEY)
    log.succeeded(KEY, "look")
    assert len(caplog.records) == 1
