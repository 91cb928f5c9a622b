"""Looks at rest are spread: each resource has its own turn in every interval."""

from hypothesis import given
from hypothesis import strategies as st

from bind_operator.policy.facts import Key
from bind_operator.policy.turns import turn_in_s

INTERVAL_S = 300.0
KEYS = [Key("bench", f"r{number}") for number in range(300)]


def test_resources_that_were_looked_at_together_are_so_no_more() -> None:
    turns = sorted(turn_in_s(key, INTERVAL_S, 12345.0) for key in KEYS)
    tenths = [sum(start <= turn < start + 30 for turn in turns) for start in range(0, 300, 30)]
    assert min(tenths) > 15, tenths
    assert max(tenths) < 45, tenths


@given(st.text(max_size=20), st.floats(0, 1e9), st.floats(0.1, 1e5))
def test_a_turn_comes_within_the_interval(name: str, now: float, interval_s: float) -> None:
    assert 0 < turn_in_s(Key("a", name), interval_s, now) <= interval_s


def test_the_next_turn_is_an_interval_after_this_one() -> None:
    for key in KEYS:
        first = 12345.0 + turn_in_s(key, INTERVAL_S, 12345.0)
        assert abs(turn_in_s(key, INTERVAL_S, first + 0.001) - INTERVAL_S) < 0.01
