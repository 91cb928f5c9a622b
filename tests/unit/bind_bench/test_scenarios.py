from bind_bench.scenarios import MANY, full, most_clients, of_round, only, quick


def test_the_full_run_has_each_modality_alone_and_with_many() -> None:
    rows = {(row.kind, row.clients) for row in full(5, 8)}
    for kind in ("text", "image", "audio", "video", "thermal", "depth", "imu", "mixed"):
        assert {(kind, 1), (kind, MANY)} <= rows


def test_each_row_has_an_end() -> None:
    for row in [*full(5, 8), *quick(2, 4)]:
        assert (row.seconds > 0) != (row.requests > 0)


def test_slow_rows_are_in_the_first_rounds_only() -> None:
    rows = quick(2, 4)
    assert "video x2" in {row.name for row in of_round(rows, 0)}
    later = {row.name for row in of_round(rows, 1)}
    assert "video x2" not in later
    assert "text x8" in later
    assert of_round(rows, 2) == []


def test_rows_are_chosen_by_kind_or_by_name() -> None:
    rows = full(5, 8)
    assert {row.name for row in only(rows, ["text", "image x8"])} == {"text x1", "text x8", "image x8"}
    assert only(rows, []) == rows
    assert only(rows, ["smell"]) == []


def test_the_row_with_most_clients() -> None:
    row = most_clients(full(5, 8), "text")
    assert row is not None
    assert row.clients == MANY
    assert most_clients([], "text") is None
