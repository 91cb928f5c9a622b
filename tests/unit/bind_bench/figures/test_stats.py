import pytest

from bind_bench.figures.stats import Spread, drift, percentile, ratios, spread


def test_a_spread_is_least_median_greatest() -> None:
    assert spread([3, 1, 10, 2]) == Spread(1, 2.5, 10)
    assert spread([4]) == Spread(4, 4, 4)


def test_ratios_are_of_the_same_round() -> None:
    # The machine halves its speed in the second round: the ratio does not move.
    assert ratios([10, 5], [2, 1]) == [5, 5]


def test_a_round_that_only_one_has_is_left_out() -> None:
    assert ratios([10, 5, 7], [2]) == [5]


@pytest.mark.parametrize(("share", "value"), [(0.99, 99), (0.5, 50), (1, 100), (0.001, 1)])
def test_a_percentile_is_one_of_the_values(share: float, value: int) -> None:
    assert percentile(list(range(100, 0, -1)), share) == value


def test_the_p99_of_few_values_is_the_greatest() -> None:
    assert percentile([5, 1, 3], 0.99) == 5


def test_drift_is_the_growth_of_the_median() -> None:
    assert drift([100, 100, 900], [105, 1, 105]) == pytest.approx(0.05)
    assert drift([100], [90]) == pytest.approx(-0.1)
