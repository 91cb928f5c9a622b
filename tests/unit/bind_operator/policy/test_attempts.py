"""Waiting after failures, without sleep."""

import pytest

from bind_operator.errors import HelmFailed, RenderFailed, SpecRefused
from bind_operator.policy.attempts import Attempts
from bind_operator.reasons import Reason


@pytest.fixture
def attempts() -> Attempts:
    return Attempts(base_s=5.0, max_s=300.0)


def test_waits_double_up_to_the_longest(attempts: Attempts) -> None:
    waits = []
    for _ in range(9):
        attempts.record_failure("a", "aim", HelmFailed("boom"), now=100.0)
        waits.append(attempts.wait_s("a", 100.0))
    assert waits == [5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0, 300.0, 300.0]


def test_blocks_until_the_wait_is_over(attempts: Attempts) -> None:
    failure = attempts.record_failure("a", "aim", HelmFailed("boom"), now=100.0)
    assert failure.reason is Reason.HELM_FAILED
    assert not failure.is_final
    assert attempts.blocking("a", "aim", 104.9) == failure
    assert attempts.blocking("a", "aim", 105.0) is None


def test_no_number_of_failures_is_final_and_the_message_says_how_many(attempts: Attempts) -> None:
    for count in range(1, 2001):
        failure = attempts.record_failure("a", "aim", HelmFailed("boom"), now=0.0)
        assert not failure.is_final, count
        assert failure.reason is Reason.HELM_FAILED
    assert failure.message == "boom (failed 2000 times in a row; tried again in 300 s)"
    assert attempts.blocking("a", "aim", 301.0) is None


def test_the_first_failure_says_when_it_is_tried_again(attempts: Attempts) -> None:
    assert attempts.record_failure("a", "aim", HelmFailed("boom"), 0.0).message == "boom (tried again in 5 s)"


def test_another_aim_starts_anew(attempts: Attempts) -> None:
    for now in (0.0, 1.0, 2.0):
        attempts.record_failure("a", "aim", HelmFailed("boom"), now)
    assert attempts.blocking("a", "other", 3.0) is None
    attempts.record_failure("a", "other", HelmFailed("boom"), 3.0)
    assert attempts.wait_s("a", 3.0) == 5.0


@pytest.mark.parametrize("error", [RenderFailed("no such value"), SpecRefused("no such value")])
def test_an_error_that_no_retry_helps_is_final_at_once(
    attempts: Attempts, error: RenderFailed | SpecRefused
) -> None:
    failure = attempts.record_failure("a", "aim", error, 0.0)
    assert (failure.is_final, failure.reason, failure.message) == (True, error.reason, "no such value")
    assert attempts.blocking("a", "aim", 1e9) == failure
    assert attempts.wait_s("a", 1e9) is None


def test_a_success_forgets(attempts: Attempts) -> None:
    attempts.record_failure("a", "aim", HelmFailed("boom"), 0.0)
    attempts.forget("a")
    assert attempts.blocking("a", "aim", 0.0) is None
    assert attempts.wait_s("a", 0.0) is None
