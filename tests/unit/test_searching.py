"""How long a Weaviate was away is judged from the searches that were answered."""

import time

from support.searching import Report, Search, Searching, report


def test_without_a_failure_nothing_was_away() -> None:
    assert report([]) == Report(0, 0, 0.0, ())
    assert report([Search(0, 1), Search(5, 6)]) == Report(2, 0, 0.0, ())


def test_the_longest_time_between_two_answers_is_told() -> None:
    seen = [Search(0, 1), Search(1, 2, "refused"), Search(2, 3, "slow"), Search(3, 4), Search(4, 5, "slow")]
    assert report(seen) == Report(5, 3, 3.0, ("refused", "slow"))


def test_one_that_never_came_back_is_away_to_the_end() -> None:
    assert report([Search(0, 1), Search(1, 9, "refused")]).away_s == 8
    assert report([Search(0, 7, "refused")]).away_s == 7


def test_searches_go_on_through_errors_until_the_block_ends() -> None:
    calls = []

    def search() -> None:
        calls.append(1)
        if len(calls) == 2:
            raise ConnectionError("refused")

    with Searching(search, pause_s=0.001) as searching:
        while len(calls) < 5:
            time.sleep(0.01)
    seen = searching.take()
    assert (seen.searches, seen.failed, seen.errors) == (len(calls), 1, ("ConnectionError: refused",))
    assert searching.take().searches == 0
