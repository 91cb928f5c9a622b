"""A budget is never overdrawn and always given back."""

import pytest

from bind_inference.errors import QueueFull, RequestTooLarge
from bind_inference.scheduling.policy.admission import Budget


def test_what_is_held_comes_back() -> None:
    budget = Budget(10, "items")
    with budget.hold(7):
        assert budget.held == 7
    assert budget.held == 0


def test_a_full_queue_is_told_with_its_figures() -> None:
    budget = Budget(10, "items")
    with budget.hold(7), pytest.raises(QueueFull, match="7 of 10 items"), budget.hold(4):
        pytest.fail("held more than there is")
    assert budget.held == 0


def test_what_can_never_fit_is_too_large_not_too_soon() -> None:
    with pytest.raises(RequestTooLarge, match="11 items"):
        Budget(10, "items").take(11)


def test_an_error_inside_gives_it_back() -> None:
    budget = Budget(10, "bytes")
    with pytest.raises(ZeroDivisionError), budget.hold(5):
        raise ZeroDivisionError
    assert budget.held == 0
