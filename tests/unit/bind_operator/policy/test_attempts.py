"""Waiting after failures, without sleep."""

import pytest

from bind_operator.errors import HelmFailed, RenderFailed
from bind_operator.policy.attempts import Attempts
from bind_operator.reasons import Reason


@pytest.fixture
def attempts() -> Attempts:
    return Attempts(max_failures=3, base_s=5.0, max_s=8.0)


def test_waits_double_up_to_the_longest(attempts: Attempts) -> None:
    attempts.record_failure("a", "aim", HelmFailed("boom"), now=100.0)
    assert attempts.wait_s("a", 100.0) == 5.0
    attempts.record_failure("a", "aim", HelmFailed("boom"), now=200.0)
    assert attempts.wait_s("a", 200.0) == 8.0


def test_blocks_until_the_wait_is_over(attempts: Attempts) -> None:
    failure = attempts.record_failure("a", "aim", HelmFailed("boom"), now=100.0)
    assert failure.reason is Reason.HELM_FAILED
    assert not failure.is_final
    assert attempts.blocking("a", "aim", 104.9) == failure
    assert attempts.blocking("a", "aim", 105.0) is None


def test_the_last_failure_is_final_and_says_how_often(attempts: Attempts) -> None:
    for now in (0.0, 100.0):
        assert not attempts.record_failure("a", "aim", HelmFailed("boom"), now).is_final
    failure = attempts.record_failure("a", "aim", HelmFailed("boom"), now=200.0)
    assert failure.is_final
    assert failure.reason is Reason.RETRIES_EXCEEDED
    assert failure.message == "boom (tried 3 times; change the spec to try again)"
    assert attempts.blocking("a", "aim", 1e9) == failure
    assert attempts.wait_s("a", 1e9) is None


def test_another_aim_starts_anew(attempts: Attempts) -> None:
    for now in (0.0, 1.0, 2.0):
        attempts.record_failure("a", "aim", HelmFailed("boom"), now)
    assert attempts.blocking("a", "other", 3.0) is None
    assert not attempts.record_failure("a", "other", HelmFailed("boom"), 3.0).is_final


def test_an_error_that_no_retry_helps_is_final_at_once(attempts: Attempts) -> None:
    failure = attempts.record_failure("a", "aim", RenderFailed("no such value"), 0.0)
    assert (failure.is_final, failure.reason, failure.message) == (
        True,
        Reason.RENDER_FAILED,
        "no such value",
    )


def test_a_success_forgets(attempts: Attempts) -> None:
    attempts.record_failure("a", "aim", HelmFailed("boom"), 0.0)
    attempts.forget("a")
    assert attempts.blocking("a", "aim", 0.0) is None
    assert attempts.wait_s("a", 0.0) is None
