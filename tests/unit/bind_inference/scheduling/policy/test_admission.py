"""A budget is never overdrawn and always given back."""

import pytest

from bind_inference.errors import QueueFull, RequestTooLarge
from bind_inference.scheduling.policy.admission import Budget, Hold


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


def test_the_last_part_is_for_small_requests() -> None:
    budget = Budget(80, "bytes", reserve=10)
    with budget.hold(70):
        with pytest.raises(QueueFull, match="70 of 70 bytes"):
            budget.take(1)
        with budget.hold(10, small=True), pytest.raises(QueueFull, match="80 of 80 bytes"):
            budget.take(1, small=True)
    assert budget.held == 0


def test_what_only_the_last_part_had_room_for_is_too_large() -> None:
    budget = Budget(80, "bytes", reserve=10)
    with pytest.raises(RequestTooLarge, match="75 bytes; the server holds 70 at most"):
        budget.check(75)
    budget.check(75, small=True)


def test_a_hold_grows_and_gives_all_of_it_back() -> None:
    budget = Budget(10, "bytes")
    with Hold(budget) as hold:
        hold.grow(3)
        hold.grow(4)
        with pytest.raises(QueueFull):
            hold.grow(4)
        assert budget.held == hold.amount == 7
    assert budget.held == 0
