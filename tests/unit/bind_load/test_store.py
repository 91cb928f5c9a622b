"""What is on the disk is whole, whatever ends a run."""

import errno
import os
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from bind_inference.modality import Modality
from bind_load.errors import LoadFailed
from bind_load.plan import Known, Source
from bind_load.store import Store
from bind_load.table import Origin, Record, origin_of

TINY = Origin("Tiny", 4, "float32", "f1")


def row(path: str, value: float | None = 1.0, mtime: int = 1) -> Record:
    vector = None if value is None else np.full(4, value, np.float32)
    source = Source(path, Modality.IMAGE, 10, mtime)
    return Record(source, f"sha-{path}", vector=vector, error=None if vector is not None else "not an image")


def load(output: Path, *parts: list[Record], removed: frozenset[str] = frozenset()) -> dict[str, Known]:
    store = Store(output, TINY)
    with store.hold() as known:
        for part in parts:
            store.write(part)
        store.finish(removed)
    return known


def rows_of(output: Path) -> dict[str, object]:
    return {each["path"]: each["vector"] for each in pq.read_table(output).to_pylist()}


def test_parts_become_one_file_and_go(tmp_path: Path) -> None:
    output = tmp_path / "o.parquet"
    load(output, [row("a"), row("b", None)], [row("c", 3)])
    table = pq.read_table(output)
    assert table.column("path").to_pylist() == ["a", "b", "c"]
    assert table.column("vector").to_pylist() == [[1.0] * 4, None, [3.0] * 4]
    assert table.column("error").to_pylist() == [None, "not an image", None]
    assert str(table.schema.field("vector").type) == "list<element: float>"
    assert set(table.column("fingerprint").to_pylist()) == {"f1"}
    assert origin_of(table.schema) == TINY
    assert os.listdir(tmp_path) == ["o.parquet"]  # noqa: PTH208


def test_the_newest_row_of_a_path_holds(tmp_path: Path) -> None:
    output = tmp_path / "o.parquet"
    load(output, [row("a", 1), row("b", 1)])
    known = load(output, [row("b", 2)], [row("b", 3), row("c", 3)], removed=frozenset({"a"}))
    assert known["a"] == Known("image", 10, 1, "sha-a", failed=False)
    assert rows_of(output) == {"b": [3.0] * 4, "c": [3.0] * 4}


def test_a_run_that_was_cut_left_its_parts_and_the_old_output(tmp_path: Path) -> None:
    output = tmp_path / "o.parquet"
    load(output, [row("a", 1)])
    store = Store(output, TINY)
    with store.hold():
        store.write([row("b", 2)])
    (tmp_path / "o.parquet.parts" / "part-00000002.parquet.tmp").write_bytes(b"half")
    assert rows_of(output) == {"a": [1.0] * 4}
    assert load(output, [row("c", 3)]).keys() == {"a", "b"}
    assert rows_of(output) == {"a": [1.0] * 4, "b": [2.0] * 4, "c": [3.0] * 4}


def test_nothing_new_leaves_the_file_alone(tmp_path: Path) -> None:
    output = tmp_path / "o.parquet"
    load(output, [row("a")])
    before = output.stat()
    load(output)
    assert output.stat().st_ino == before.st_ino


def test_another_models_vectors_are_refused(tmp_path: Path) -> None:
    output = tmp_path / "o.parquet"
    load(output, [row("a")])
    other = Origin("Tiny", 4, "bfloat16", "f2")
    with pytest.raises(LoadFailed, match=r"float32, fingerprint f1; .*bfloat16, fingerprint f2 .*another"):
        Store(output, other).hold().__enter__()


@pytest.mark.parametrize("content", [b"no parquet at all", b""])
def test_a_file_that_is_not_ours_is_left_alone(tmp_path: Path, content: bytes) -> None:
    output = tmp_path / "o.parquet"
    output.write_bytes(content)
    with pytest.raises(LoadFailed, match="choose another output"):
        Store(output, TINY).hold().__enter__()
    assert output.read_bytes() == content


def test_two_loads_at_once_are_one_too_many(tmp_path: Path) -> None:
    output = tmp_path / "o.parquet"
    with Store(output, TINY).hold(), pytest.raises(LoadFailed, match="another load writes"):
        Store(output, TINY).hold().__enter__()


@pytest.mark.parametrize("where", ["part", "merge"])
def test_a_full_disk_is_told_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    output = tmp_path / "o.parquet"
    load(output, [row("a", 1)])

    def full(*arguments: object) -> None:
        next(each for each in arguments if isinstance(each, Path)).write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    store = Store(output, TINY)
    with store.hold():
        store.write([row("b", 2)])
        name = "write_table" if where == "part" else "ParquetWriter"
        monkeypatch.setattr(pq, name, full)
        with pytest.raises(LoadFailed, match=r"no space left .* is kept in .*o\.parquet\.parts: free some"):
            store.write([row("c", 3)]) if where == "part" else store.finish(frozenset())
    monkeypatch.undo()
    assert rows_of(output) == {"a": [1.0] * 4}
    assert not list(tmp_path.rglob("*.tmp"))
    load(output)
    assert rows_of(output) == {"a": [1.0] * 4, "b": [2.0] * 4}


WINDOWS = Origin("Tiny", 4, "float32", "f1", "2 s, one each 1 s")


def cut(path: str, *values: float) -> Record:
    """Return a recording with a window for each value, one a second."""
    source = Source(path, Modality.AUDIO, 10, 1)
    vectors = np.array([[value] * 4 for value in values], np.float32)
    times_s = [(float(second), float(second + 2)) for second in range(len(values))]
    return Record(source, f"sha-{path}", vector=vectors, times_s=times_s)


def windows_of(output: Path) -> list[tuple[object, ...]]:
    return [
        (each["path"], each["start_s"], each["end_s"], each["vector"] and each["vector"][0])
        for each in pq.read_table(output).to_pylist()
    ]


def load_windows(output: Path, *parts: list[Record], finish: bool = True) -> dict[str, Known]:
    store = Store(output, WINDOWS)
    with store.hold() as known:
        for part in parts:
            store.write(part)
        if finish:
            store.finish(frozenset())
    return known


def test_each_window_is_a_row(tmp_path: Path) -> None:
    output = tmp_path / "o.parquet"
    load_windows(output, [cut("a", 1, 2), row("p", 9), row("q", None)], [cut("b", 3)])
    assert windows_of(output) == [
        ("a", 0.0, 2.0, 1.0),
        ("a", 1.0, 3.0, 2.0),
        ("p", None, None, 9.0),
        ("q", None, None, None),
        ("b", 0.0, 2.0, 3.0),
    ]
    assert origin_of(pq.read_table(output).schema) == WINDOWS


def test_the_newest_windows_of_a_path_hold_all_of_them(tmp_path: Path) -> None:
    output = tmp_path / "o.parquet"
    load_windows(output, [cut("a", 1, 2, 3), cut("b", 4, 5)])
    load_windows(output, [cut("b", 6)], [cut("b", 7, 8, 9)], finish=False)
    known = load_windows(output, [cut("a", 10)])
    assert known.keys() == {"a", "b"}
    assert sorted(windows_of(output), key=str) == [
        ("a", 0.0, 2.0, 10.0),
        ("b", 0.0, 2.0, 7.0),
        ("b", 1.0, 3.0, 8.0),
        ("b", 2.0, 4.0, 9.0),
    ]


@pytest.mark.parametrize(("first", "then"), [(TINY, WINDOWS), (WINDOWS, TINY)])
def test_rows_of_other_windows_are_refused(tmp_path: Path, first: Origin, then: Origin) -> None:
    output = tmp_path / "o.parquet"
    store = Store(output, first)
    with store.hold():
        store.write([row("a")])
        store.finish(frozenset())
    with pytest.raises(LoadFailed, match=r"--window-s, --stride-s\): choose another output"):
        Store(output, then).hold().__enter__()


def test_without_windows_the_columns_are_what_they_were(tmp_path: Path) -> None:
    output = tmp_path / "o.parquet"
    load(output, [row("a")])
    assert "start_s" not in pq.read_schema(output).names
    assert b"bind.windows" not in pq.read_schema(output).metadata
