"""The brake on fights, by times."""

from bind_operator.policy.brake import Brake
from bind_operator.policy.facts import Key

KEY = Key("demo", "t")


def braked(*times: float) -> Brake:
    brake = Brake(max_times=3, window_s=100.0)
    for time in times:
        brake.record(KEY, "field", time)
    return brake


def test_it_holds_from_the_third_time_within_the_window_on() -> None:
    assert not braked(0.0, 10.0).holds(KEY, "field", 20.0)
    assert braked(0.0, 10.0, 20.0).holds(KEY, "field", 20.0)


def test_it_lets_go_when_the_last_time_is_long_ago() -> None:
    brake = braked(0.0, 10.0, 20.0)
    assert brake.holds(KEY, "field", 119.0)
    assert not brake.holds(KEY, "field", 120.0)
    assert brake.wait_s(KEY, 100.0) == 20.0
    assert brake.wait_s(KEY, 120.0) is None


def test_what_is_seldom_is_no_fight() -> None:
    assert not braked(0.0, 60.0, 120.0).holds(KEY, "field", 121.0)


def test_another_field_and_another_resource_are_not_held() -> None:
    brake = braked(0.0, 1.0, 2.0)
    assert not brake.holds(KEY, "other", 3.0)
    assert not brake.holds(Key("demo", "u"), "field", 3.0)


def test_a_resource_that_is_gone_is_forgotten() -> None:
    brake = braked(0.0, 1.0, 2.0)
    brake.forget(KEY)
    assert not brake.holds(KEY, "field", 3.0)
