"""Which backups are removed, at the edges of number and time, and what is never removed."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bind_operator.policy.backup import id_prefix, requested_id, scheduled_id
from bind_operator.policy.facts import Key
from bind_operator.policy.retention import (
    ABANDONED_S,
    Rule,
    StoredBackup,
    is_under_way,
    judge,
    own_ids,
    read_period,
)

DAY = 86400.0
NOW = 100 * DAY


def good(age_days: float, **more: object) -> StoredBackup:
    at = NOW - age_days * DAY
    return replace(StoredBackup(f"b{age_days:g}", "SUCCESS", at, at), **more)  # type: ignore[arg-type]


def removed(backups: list[StoredBackup], rule: Rule, *bases: str) -> list[str]:
    return [one.id for one in judge(backups, rule, NOW, bases)]


THREE = [good(3), good(1), good(2)]


@pytest.mark.parametrize(
    ("rule", "gone"),
    [
        (Rule(), []),
        (Rule(keep_last=3), []),
        (Rule(keep_last=2), ["b3"]),
        (Rule(keep_last=1), ["b3", "b2"]),
        (Rule(keep_for_s=3.001 * DAY), []),
        # What is exactly so old is past it.
        (Rule(keep_for_s=3 * DAY), ["b3"]),
        (Rule(keep_for_s=2.5 * DAY), ["b3"]),
        # The youngest good one stays, however old.
        (Rule(keep_for_s=0.1 * DAY), ["b3", "b2"]),
        # One rule is enough to keep it.
        (Rule(keep_last=2, keep_for_s=1.5 * DAY), ["b3"]),
        (Rule(keep_last=1, keep_for_s=2.5 * DAY), ["b3"]),
    ],
)
def test_a_good_backup_stays_while_any_rule_keeps_it(rule: Rule, gone: list[str]) -> None:
    assert removed(THREE, rule) == gone


def test_the_youngest_good_one_stays_when_all_after_it_failed() -> None:
    failed = [replace(good(age), status="FAILED") for age in (0.5, 0.2)]
    assert removed([good(40), good(50), *failed], Rule(keep_last=1, keep_for_s=DAY)) == ["b50"]


@pytest.mark.parametrize("status", ["FAILED", "CANCELED", "STARTED", "TRANSFERRING", "A_NEW_WORD", None])
def test_what_is_no_good_backup_goes_a_day_after_its_last_object(status: str | None) -> None:
    old = StoredBackup("old", status, NOW - 9 * DAY, NOW - ABANDONED_S)
    written = replace(old, id="written", written=NOW - ABANDONED_S + 1)
    assert removed([good(0), old, written], Rule(keep_last=5)) == ["old"]
    assert removed([old], Rule()) == []


def test_it_counts_for_no_rule() -> None:
    failed = replace(good(0.1), status="FAILED")
    assert removed([failed, *THREE], Rule(keep_last=3)) == []


def test_one_that_is_restored_from_or_built_on_stays() -> None:
    restored = good(30, is_restored_from=True)
    assert removed([good(1), restored, good(31)], Rule(keep_last=1)) == ["b31"]
    increment = good(1, base="b30")
    assert removed([increment, good(30), good(31)], Rule(keep_last=1)) == ["b31"]
    assert removed([good(1), good(30), good(31)], Rule(keep_last=1), "b31") == ["b30"]


def test_a_clock_that_is_behind_removes_nothing_by_age() -> None:
    assert removed([good(-2), good(-1)], Rule(keep_for_s=DAY)) == []
    assert removed([], Rule(keep_last=1)) == []


def test_what_goes_on_is_told_from_what_was_left() -> None:
    assert is_under_way("STARTED", NOW - 60, NOW)
    assert not is_under_way("STARTED", NOW - ABANDONED_S, NOW)
    assert not is_under_way("SUCCESS", NOW, NOW)
    assert not is_under_way(None, NOW, NOW)


def test_periods() -> None:
    assert [read_period(text) for text in ("36h", "30d", "4w")] == [36 * 3600, 30 * DAY, 28 * DAY]


def test_only_folders_that_are_named_as_the_operator_names_them_are_its_own() -> None:
    key = Key("demo", "search")
    own = [scheduled_id(key, datetime(2026, 11, 27, 3, tzinfo=UTC)), requested_id(key, "u", "1")]
    foreign = [
        "demo_search_by-hand",
        "demo_search_20261127t030000z-copy",
        "demo_search_now-12",
        "demo_search",
        "demo_search-2_20261127t030000z",
        "other_search_20261127t030000z",
        "xdemo_search_20261127t030000z",
        "demo_search_20261127t030000z\n",
    ]
    assert own_ids([*own, *foreign], id_prefix(key)) == sorted(own)
