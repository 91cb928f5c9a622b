"""From a folder to a Parquet file, with an embedder that only measures."""

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bind_inference.items.embedding import Embedding, Vector
from bind_inference.items.windows import Windows
from bind_inference.modality import Modality
from bind_load.plan import plan
from bind_load.report import LogReport
from bind_load.run import Run, Summary
from bind_load.scan import scan
from bind_load.settings import LoadSettings
from bind_load.store import Store
from bind_load.table import Origin

ORIGIN = Origin("Tiny", 2, "float32")


class Measuring:
    """The vector of a text is its length; one that says "bad" has none."""

    origin = ORIGIN

    async def embed(self, modality: Modality, data: str) -> Vector | str:
        return "not a good one" if data == "bad" else np.array([len(data), 0], np.float32)

    async def embed_windows(self, modality: Modality, data: str, windows: Windows) -> Embedding | str:
        vectors = np.array([[windows.length_ms, 0], [windows.stride_ms, 1]], np.float32)
        return Embedding(vectors, 0, [(0.0, 2.0), (1.0, 3.0)])


async def load(folder: Path, output: Path, origin: Origin = ORIGIN, **given: float) -> Summary:
    settings = LoadSettings(source=folder, output=output, model="Tiny", **given)  # type: ignore[arg-type]
    found = scan(folder, settings.rules)
    store = Store(output, origin)
    with store.hold() as known:
        planned = plan(found.sources, known, retry_failed=False)
        run = Run(found.root, Measuring(), store, known, settings, LogReport())
        await run.embed_all(planned.todo)
        store.finish(planned.removed)
    return run.summary


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "texts"
    made.mkdir()
    return made


def rows_by_path(output: Path) -> pa.Table:
    """The rows lie in the order in which they were embedded, which is no promise."""
    return pq.read_table(output).sort_by("path")


def write_oddly_named(folder: Path, name: bytes) -> None:
    (folder / os.fsdecode(name)).write_text("one")


async def test_every_text_has_its_record(folder: Path, tmp_path: Path) -> None:
    (folder / "a.txt").write_text("one")
    (folder / "b.txt").write_text("bad")
    summary = await load(folder, tmp_path / "o.parquet")
    assert (summary.embedded, summary.failed) == (1, {"b.txt": "not a good one"})
    table = rows_by_path(tmp_path / "o.parquet")
    assert table["path"].to_pylist() == ["a.txt", "b.txt"]
    assert table["vector"].to_pylist() == [[3.0, 0.0], None]
    assert table["error"].to_pylist() == [None, "not a good one"]


async def test_a_file_whose_name_is_no_utf_8_is_embedded_and_known_again(
    folder: Path, tmp_path: Path
) -> None:
    """Linux allows any bytes in a name, Parquet's strings do not."""
    write_oddly_named(folder, b"a\xff.txt")
    (folder / "b.txt").write_text("four")
    output = tmp_path / "o.parquet"
    assert (await load(folder, output)).embedded == 2
    table = rows_by_path(output)
    assert table["path"].to_pylist() == ["a\\xff.txt", "b.txt"]
    assert table["vector"].to_pylist() == [[3.0, 0.0], [4.0, 0.0]]
    assert await load(folder, output) == Summary()


def test_an_unknown_kind_whose_name_is_no_utf_8_can_be_printed(folder: Path) -> None:
    write_oddly_named(folder, b"a.\xff")
    assert dict(scan(folder, []).skipped) == {".\\xff": 1}


async def test_recordings_have_a_row_for_each_window_and_all_else_one(folder: Path, tmp_path: Path) -> None:
    (folder / "a.wav").write_bytes(b"sound")
    (folder / "b.txt").write_text("one")
    output, origin = tmp_path / "o.parquet", Origin("Tiny", 2, "float32", None, "2 s, one each 1 s")
    assert (await load(folder, output, origin, window_s=2, stride_s=1)).embedded == 2
    table = rows_by_path(output)
    assert table["path"].to_pylist() == ["a.wav", "a.wav", "b.txt"]
    assert table["vector"].to_pylist() == [[2000.0, 0.0], [1000.0, 1.0], [3.0, 0.0]]
    assert table["start_s"].to_pylist() == [0.0, 1.0, None]
    assert await load(folder, output, origin, window_s=2, stride_s=1) == Summary()
