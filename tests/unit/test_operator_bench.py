"""The figures of the operator's benchmark and the part of the page that they are written to."""

import itertools

import pytest

from support.operator_bench.__main__ import idle_seconds
from support.operator_bench.figures import BEGIN, END, Batch, Idle, Measured, part, replaced, rows
from support.waiting import comes_to_rest


def measured(**changes: object) -> Measured:
    idle = {"resources": 300, "seconds": 60.0, "rss_mib": 200.0, "cpu_s": 0.6, "looks": 60, "writes": []}
    return Measured([Batch(10, 3.0, 3.0), Batch(10, 5.0, 4.0)], Idle(**(idle | changes)), [0.2] * 99 + [1.0])  # type: ignore[arg-type]


def test_the_rest_is_watched_for_whole_resyncs() -> None:
    assert idle_seconds(None, 300.0, is_quick=False) == 300.0
    assert idle_seconds(None, 10.0, is_quick=True) == 20.0
    assert idle_seconds(60.0, 300.0, is_quick=False) == 60.0


def test_rest_begins_when_the_last_change_is_some_time_ago() -> None:
    changes = iter(range(3))
    seen: list[int] = []

    def read() -> int:
        seen.append(next(changes, 2))
        return seen[-1]

    assert comes_to_rest(read, 0.05, 60.0, poll_s=0.01)
    assert seen[:4] == [0, 1, 2, 2]


def test_rest_that_does_not_come_is_not_waited_for_without_end() -> None:
    assert not comes_to_rest(itertools.count().__next__, 60.0, 0.05, poll_s=0.01)


def test_all_is_reached() -> None:
    assert [row.name for row in rows(measured()) if not row.holds] == []


@pytest.mark.parametrize(
    ("change", "row"),
    [({"rss_mib": 251.0}, "memory"), ({"cpu_s": 1.3}, "CPU, 300"), ({"writes": ["patch x"]}, "writes")],
)
def test_a_figure_that_is_not_reached_is_told(change: dict[str, object], row: str) -> None:
    (missed,) = [one.name for one in rows(measured(**change)) if not one.holds]
    assert missed.startswith(row)


def test_the_ratio_is_that_of_all_batches() -> None:
    (ratio,) = [row.value for row in rows(measured()) if "bare Helm" in row.name]
    assert ratio == "1.14 (1.00 to 1.25; 8.0 s by 7.0 s)"


def test_the_part_is_added_and_then_replaced() -> None:
    once = replaced("# Benchmarks\n\nby hand\n", "old")
    assert once == f"# Benchmarks\n\nby hand\n\n{BEGIN}\n\nold\n\n{END}\n"
    assert replaced(f"{once}after\n", part(measured(), [])).endswith(f"{END}\nafter\n")
    assert "old" not in replaced(once, part(measured(), []))


def test_a_page_with_one_mark_is_left_alone() -> None:
    with pytest.raises(ValueError, match="one of"):
        replaced(f"x {BEGIN}", "new")
