"""Waiting for a condition, with a bound and a sentence for the failure."""

import time
from collections.abc import Callable
from typing import TypeVar

import pytest

T = TypeVar("T")

POLL_S = 0.5


def until(check: Callable[[], T | None], timeout_s: float, what: Callable[[], str] | str) -> T:
    """Return the first true value of `check`; fail the test after `timeout_s` with what was waited for.

    what: the sentence, or a function that makes it at the end, when it can say how things stand.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > deadline:
            text = what if isinstance(what, str) else what()
            pytest.fail(f"not after {timeout_s:.0f} s: {text}", pytrace=False)
        time.sleep(POLL_S)
