"""Whose turn it is when a new operator upgrades releases."""

from bind_operator.policy.facts import Key
from bind_operator.policy.waves import Member, Standing, Turn, turn_of

NOW = 10_000.0
A, B, C, D = (Key("demo", name) for name in "abcd")
WAITING, SETTLED = Member(Standing.WAITING), Member(Standing.SETTLED)
CANARY = Member(Standing.WAITING, is_canary=True)


def rolling(seconds: float, *, is_canary: bool = False) -> Member:
    return Member(Standing.ROLLING, is_canary, NOW - seconds)


def turn(key: Key, members: dict[Key, Member], most_at_once: int = 1) -> Turn:
    return turn_of(key, members, most_at_once=most_at_once, patience_s=600, now=NOW)


def test_the_first_goes() -> None:
    assert turn(A, {A: WAITING, B: WAITING}) == Turn(True)


def test_one_at_a_time() -> None:
    found = turn(B, {A: rolling(10), B: WAITING})
    assert not found.has_come
    assert found.message == "waits for demo/a to be Ready; 1 at once are upgraded"
    assert found.wait_s == 590


def test_the_setting_allows_more() -> None:
    assert turn(C, {A: rolling(10), B: SETTLED, C: WAITING}, 2).has_come
    assert not turn(C, {A: rolling(10), B: rolling(1), C: WAITING}, 2).has_come


def test_a_tenth_at_once_where_nothing_is_set() -> None:
    members = {Key("demo", f"r{number:02}"): SETTLED for number in range(28)} | {A: WAITING, B: rolling(1)}
    assert turn(A, members, 0).has_come
    assert turn(A, members | {C: rolling(1)}, 0).has_come
    assert not turn(A, members | {C: rolling(1), D: rolling(1)}, 0).has_come


def test_canaries_go_first() -> None:
    members = {A: WAITING, B: CANARY, C: CANARY}
    assert not turn(A, members, 5).has_come
    assert "demo/b, which is a canary" in turn(A, members, 5).message
    assert turn(B, members, 5).has_come
    assert turn(C, members | {B: rolling(1, is_canary=True)}, 5).has_come


def test_the_others_wait_until_the_canary_is_ready() -> None:
    assert not turn(A, {A: WAITING, B: rolling(599, is_canary=True)}, 5).has_come
    assert turn(A, {A: WAITING, B: Member(Standing.SETTLED, is_canary=True)}, 5) == Turn(True)


def test_a_canary_that_is_late_is_named_and_waited_for_no_longer() -> None:
    found = turn(A, {A: WAITING, B: rolling(601, is_canary=True)})
    assert found.has_come
    assert found.message == "demo/b not Ready 600 s after the upgrade; the upgrades go on"


def test_one_that_was_broken_long_before_holds_nobody_up() -> None:
    assert turn(A, {A: WAITING, B: rolling(90_000)}) == Turn(True)
