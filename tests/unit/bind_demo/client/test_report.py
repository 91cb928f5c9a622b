import io

from rich.console import Console

from bind_demo.client.report import build_rows, print_table
from bind_demo.client.searches import Answer, Hit, Search


def _answer(method: str, expected: str, *found: str, error: str = "") -> Answer:
    hits = tuple(Hit(slug, 0.1 * nth) for nth, slug in enumerate(found))
    return Answer(Search(method, "image", "a copy", expected, ""), hits, error)


def test_a_method_is_one_row_that_counts_its_answers() -> None:
    rows = build_rows([_answer("nearImage", "cat", "cat", "moon"), _answer("nearImage", "moon", "moon")])
    assert rows == [("nearImage", "cat: a copy", "cat 0.000, moon 0.100", "pass 2/2")]


def test_a_wrong_answer_is_the_one_that_is_shown() -> None:
    rows = build_rows([_answer("nearImage", "cat", "cat"), _answer("nearImage", "moon", "cat", "moon")])
    assert rows == [("nearImage", "moon: a copy", "cat 0.000, moon 0.100", "FAIL 1/2")]


def test_an_error_of_the_client_is_a_failed_row_with_its_words() -> None:
    rows = build_rows([_answer("nearImage", "cat", error="no server\n  is ready")])
    assert rows == [("nearImage", "cat: a copy", "no server is ready", "FAIL 0/1")]


def test_no_hits_at_all_fail() -> None:
    assert build_rows([_answer("nearText", "cat")]) == [("nearText", "cat: a copy", "nothing", "FAIL 0/1")]


def test_markup_in_an_error_is_printed_as_it_is() -> None:
    out = io.StringIO()
    right = print_table(
        Console(file=out, width=120), "title", [_answer("nearText", "cat", error="[red] 500")]
    )
    assert not right
    assert "[red] 500" in out.getvalue()


def test_the_table_is_right_only_if_every_answer_is() -> None:
    console = Console(file=io.StringIO(), width=120)
    assert print_table(console, "title", [_answer("nearText", "cat", "cat")])
    assert not print_table(
        console, "t", [_answer("nearText", "cat", "cat"), _answer("hybrid", "cat", "moon")]
    )
