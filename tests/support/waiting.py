"""Waits for a condition, with a bound and a sentence for the failure."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

import pytest

T = TypeVar("T")


def until(
    check: Callable[[], T | None], timeout_s: float, what: Callable[[], str] | str, *, poll_s: float = 0.5
) -> T:
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
        time.sleep(poll_s)


def eventually(what: str, check: Callable[[], object], within_s: float = 20.0) -> float:
    """Wait until `check` is true, and return the seconds that took; fail the test with `what` if never."""
    started = time.monotonic()
    until(check, within_s, what, poll_s=0.1)
    return time.monotonic() - started


def comes_to_rest(read: Callable[[], object], rest_s: float, within_s: float, poll_s: float = 1.0) -> bool:
    """Wait until what `read` returns has been the same for `rest_s`; return whether that came in time."""
    started = since = time.monotonic()
    last = read()
    while (now := time.monotonic()) - since < rest_s:
        if now - started > within_s:
            return False
        time.sleep(poll_s)
        if (value := read()) != last:
            last, since = value, time.monotonic()
    return True


async def becomes(check: Callable[[], object], within_s: float = 20.0) -> None:
    """Wait in the event loop until `check` is true. Raises TimeoutError if it never is."""
    async with asyncio.timeout(within_s):
        while not check():  # noqa: ASYNC110  (what is waited for has no event)
            await asyncio.sleep(0.01)
