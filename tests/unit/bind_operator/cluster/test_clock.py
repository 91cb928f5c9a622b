"""The API server's clock, whatever our own does."""

import time

import pytest

from bind_operator.cluster.clock import ServerClock, rfc3339

DATE, SECONDS = "Fri, 02 Jan 2026 03:04:05 GMT", 1767323045.0


@pytest.fixture
def monotonic(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The monotonic clock, which the test moves."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_it_is_our_own_clock_until_the_server_has_answered() -> None:
    assert ServerClock().now() == pytest.approx(time.time(), abs=5)


def test_it_goes_on_from_the_date_of_the_answer(
    monotonic: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = ServerClock()
    clock.note(DATE)
    monkeypatch.setattr(time, "time", lambda: 5.0)
    monotonic[0] += 7.0
    assert clock.now() == SECONDS + 7.0
    assert clock.timestamp() == "2026-01-02T03:04:12Z"


def test_a_server_whose_clock_was_put_right_is_followed(monotonic: list[float]) -> None:
    clock = ServerClock()
    clock.note(DATE)
    monotonic[0] += 10.0
    clock.note("Fri, 02 Jan 2026 05:00:00 GMT")
    assert clock.timestamp() == "2026-01-02T05:00:00Z"


@pytest.mark.parametrize("date", [None, "", "yesterday"])
def test_an_answer_without_a_date_changes_nothing(date: str | None, monotonic: list[float]) -> None:
    clock = ServerClock()
    clock.note(DATE)
    monotonic[0] += 10.0
    clock.note(date)
    assert clock.now() == SECONDS + 10.0


def test_fractions_are_cut() -> None:
    assert rfc3339(SECONDS + 0.9) == "2026-01-02T03:04:05Z"
