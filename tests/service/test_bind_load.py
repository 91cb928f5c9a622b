"""bind-load as a user runs it: real files, the small model, an end at any moment."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from bind_inference.modality import Modality
from support.media import tone
from support.samples import MEDIA, SAMPLES, Expected
from support.server import ROOT, ServerProcess, environment

if TYPE_CHECKING:
    from pathlib import Path

MANY = 80  # files of a run that is cut
FOLDERS = {Modality.THERMAL: "thermal/", Modality.DEPTH: "deep/depth/"}


def start(*arguments: object, **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "bind_load", *map(str, arguments), "--model", "tiny"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(**variables),
    )


def load(*arguments: object, status: int = 0, **variables: str) -> str:
    """Run the command to its end; return what it printed."""
    with start(*arguments, **variables) as process:
        printed, log = process.communicate(timeout=120)
    assert process.returncode == status, printed + log
    return printed + "".join(line for line in log.splitlines(keepends=True) if not line.startswith("{"))


def rows_of(output: Path) -> dict[str, dict[str, Any]]:
    rows = pq.read_table(output).to_pylist()
    assert len({row["path"] for row in rows}) == len(rows), "a path has two rows"
    return {row["path"]: row for row in rows}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with every sample, each where the command finds its kind."""
    made = tmp_path / "media"
    for modality, names in SAMPLES.items():
        for number, name in enumerate(names):
            text = modality is Modality.TEXT
            path = made / FOLDERS.get(modality, "") / (f"text-{number}.txt" if text else name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name) if text else shutil.copy(MEDIA / name, path)
    return made


def check_vectors(rows: dict[str, dict[str, Any]], expected: Expected) -> None:
    for modality, names in SAMPLES.items():
        for number, name in enumerate(names):
            path = f"text-{number}.txt" if modality is Modality.TEXT else f"{FOLDERS.get(modality, '')}{name}"
            assert rows[path]["modality"] == modality
            assert rows[path]["error"] is None
            expected.check(modality, name, rows[path]["vector"])


@pytest.mark.parametrize("where", ["in this process", "a server"])
def test_every_sample_has_its_vector_and_a_bad_file_its_error(
    folder: Path, tmp_path: Path, expected: Expected, running: ServerProcess, where: str
) -> None:
    (folder / "broken.jpg").write_bytes((MEDIA / "landscape.jpg").read_bytes()[:40])
    (folder / "notes.pdf").write_bytes(b"%PDF")
    output = tmp_path / "vectors.parquet"
    url = ["--url", running.url] if where == "a server" else []
    printed = load(folder, output, *url, status=1)
    good = sum(len(names) for names in SAMPLES.values())
    assert f"{good} embedded, 0 unchanged, 0 removed, 1 failed" in printed
    assert "failed: broken.jpg: " in printed
    assert "skipped, of no known kind: 1 .pdf" in printed
    rows = rows_of(output)
    assert len(rows) == good + 1
    check_vectors(rows, expected)
    assert rows["broken.jpg"]["vector"] is None
    assert "decod" in rows["broken.jpg"]["error"] or "truncated" in rows["broken.jpg"]["error"]
    assert rows["text-0.txt"]["text"] == SAMPLES[Modality.TEXT][0]
    assert rows["text-0.txt"]["model"] == "Tiny"
    assert rows["text-0.txt"]["precision"] == "float32"
    assert pq.read_schema(output).metadata[b"bind.dimension"] == b"32"


def test_a_second_run_embeds_only_what_changed(folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "vectors.parquet"
    load(folder, output)
    before = rows_of(output)
    shutil.copy(MEDIA / "portrait.png", folder / "new.png")
    shutil.copy(MEDIA / "alpha.png", folder / "landscape.jpg")
    os.utime(folder / "small.webp")
    (folder / "cmyk.jpg").unlink()
    printed = load(folder, output)
    assert f"2 embedded, {len(before) - 2} unchanged, 1 removed, 0 failed" in printed
    after = rows_of(output)
    assert after["small.webp"] == before["small.webp"]
    assert after["landscape.jpg"]["vector"] == after["alpha.png"]["vector"]
    assert after.keys() - before.keys() == {"new.png"}
    assert before.keys() - after.keys() == {"cmyk.jpg"}


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_cut_goes_on_and_embeds_nothing_twice(tmp_path: Path, end: signal.Signals) -> None:
    folder, output = tmp_path / "media", tmp_path / "vectors.parquet"
    folder.mkdir()
    data = (MEDIA / "wide_25fps_6s.mp4").read_bytes()
    for number in range(MANY):  # each another one, or they would be computed once
        (folder / f"{number:03}.mp4").write_bytes(data + number.to_bytes(4, "big"))
    parts = tmp_path / "vectors.parquet.parts"
    with start(folder, output) as process:
        deadline = time.monotonic() + 100
        while not list(parts.glob("part-*.parquet")) and time.monotonic() < deadline:
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)
        process.send_signal(end)
        _, log = process.communicate(timeout=60)
    assert process.returncode == (-9 if end is signal.SIGKILL else 128 + end), log
    assert ("run the same command again" in log) is (end is not signal.SIGKILL)
    assert not output.exists()
    kept = [path for part in parts.glob("part-*.parquet") for path in pq.read_table(part)["path"].to_pylist()]
    assert 0 < len(kept) == len(set(kept)) < MANY
    printed = load(folder, output)
    assert f"{MANY - len(kept)} embedded, {len(kept)} unchanged, 0 removed, 0 failed" in printed
    assert len(rows_of(output)) == MANY
    assert not parts.exists()


@pytest.mark.parametrize("where", ["in this process", "a server"])
def test_recordings_in_windows(tmp_path: Path, running: ServerProcess, where: str) -> None:
    folder, output = tmp_path / "media", tmp_path / "vectors.parquet"
    folder.mkdir()
    (folder / "tone.wav").write_bytes(tone(5))
    (folder / "short.wav").write_bytes(tone(1, hertz=880))
    (folder / "long.wav").write_bytes(tone(400))
    shutil.copy(MEDIA / "wide_25fps_6s.mp4", folder / "wide.mp4")
    shutil.copy(MEDIA / "small.webp", folder / "small.webp")
    (folder / "broken.mp3").write_bytes(b"nothing")
    url = ["--url", running.url] if where == "a server" else []
    windows = [*url, "--window-s", "2", "--stride-s", "1.5"]
    printed = load(folder, output, *windows, status=1)
    assert "5 embedded, 0 unchanged, 0 removed, 1 failed" in printed
    rows = pq.read_table(output).to_pylist()
    times: dict[str, list[tuple[float, float]]] = {row["path"]: [] for row in rows}
    for row in rows:
        times[row["path"]].append((row["start_s"], row["end_s"]))
    assert times["tone.wav"] == [(0, 2), (1.5, 3.5), (3, 5)]
    assert times["short.wav"] == [(0, 1)]
    assert times["wide.mp4"] == [(0, 2), (1.5, 3.5), (3, 5), (4, 6)]
    assert times["small.webp"] == times["broken.mp3"] == [(None, None)]
    assert [start for start, _ in times["long.wav"]] == [*(1.5 * n for n in range(266)), 398]
    assert {len(row["vector"]) for row in rows if row["vector"]} == {32}
    (folder / "short.wav").write_bytes(tone(2.5, hertz=880))
    printed = load(folder, output, *windows, status=1)
    assert "1 embedded, 5 unchanged, 0 removed, 1 failed" in printed
    assert len(pq.read_table(output)) == len(rows) + 1
    assert "holds windows of 2 s, one each 1.5 s" in load(folder, output, *url, status=3)


def test_lines_of_a_file_are_texts(tmp_path: Path, expected: Expected) -> None:
    texts, output = tmp_path / "texts.txt", tmp_path / "vectors.parquet"
    texts.write_text("A dog.\n\na photo of a cat on the mat\n日本語のテキスト\n")
    assert "3 embedded" in load(texts, output)
    rows = rows_of(output)
    assert rows.keys() == {"texts.txt:1", "texts.txt:3", "texts.txt:4"}
    for row in rows.values():
        expected.check(Modality.TEXT, row["text"], row["vector"])
    texts.write_text("A dog.\n\nanother\n日本語のテキスト\n")
    assert "1 embedded, 2 unchanged" in load(texts, output)


def test_rules_and_a_modality_for_all_tell_what_files_are(tmp_path: Path, expected: Expected) -> None:
    folder, output = tmp_path / "media", tmp_path / "vectors.parquet"
    folder.mkdir()
    shutil.copy(MEDIA / "thermal.jpg", folder / "thermal.jpg")
    shutil.copy(MEDIA / "depth.png", folder / "depth.png")
    load(folder, output, "--modality", "depth", "--rule", "th*.jpg=thermal")
    rows = rows_of(output)
    expected.check(Modality.THERMAL, "thermal.jpg", rows["thermal.jpg"]["vector"])
    expected.check(Modality.DEPTH, "depth.png", rows["depth.png"]["vector"])


def test_vectors_of_another_model_are_refused(tmp_path: Path) -> None:
    texts, output = tmp_path / "texts.txt", tmp_path / "vectors.parquet"
    texts.write_text("a dog\n")
    load(texts, output)
    table = pq.read_table(output)
    table = table.replace_schema_metadata(table.schema.metadata | {b"bind.model": b"ImageBindHuge"})
    pq.write_table(table, output)
    before = output.read_bytes()
    assert "holds vectors of ImageBindHuge, 32 dimensions" in load(texts, output, status=3)
    assert output.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["nowhere", "o.parquet"], 3, "cannot read nowhere: No such file"),
        ([".", "o.parquet", "--rule", "*.png=smell"], 2, "--rule (BIND_RULE): must be GLOB=MODALITY"),
        ([".", "o.parquet", "--modality", "smell"], 2, "(BIND_MODALITY): must be one of auto, text, image"),
        (
            [".", "o.parquet", "--url", "here"],
            2,
            "--url (BIND_URL): must be a URL that starts with https:// or http://",
        ),
        ([".", "o.parquet", "--http-port", "1"], 2, "unrecognized arguments: --http-port 1"),
        ([".", "o.parquet", "--url", "http://127.0.0.1:9"], 3, "is no inference server that can be reached"),
        ([".", "o.parquet", "--window-s", "0.01"], 2, "--window-s (BIND_WINDOW_S): must be 0.1 or more"),
        ([".", "o.parquet", "--stride-s", "1"], 2, "--stride-s is set without --window-s"),
        (["."], 2, "OUTPUT"),
    ],
)
def test_what_cannot_be_is_one_line(arguments: list[str], status: int, message: str) -> None:
    printed = load(*arguments, status=status)
    assert message in printed
    assert printed.count("\n") == 1


@pytest.mark.parametrize(
    ("variable", "value", "takes"),
    [
        ("BIND_HTTP_PORT", "x", "must be a whole number"),
        ("BIND_MAX_QUEUE_ITEMS", "0", "must be 1 or more"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector", "must be a URL that starts with http:// or https://"),
    ],
)
def test_a_wrong_variable_of_the_server_in_this_process_is_one_line(
    tmp_path: Path, variable: str, value: str, takes: str
) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_text("a dog\n")
    printed = load(texts, tmp_path / "o.parquet", status=2, **{variable: value})
    assert f"({variable}): {takes}, not '{value}'\n" in printed
    assert printed.count("\n") == 1


@pytest.mark.parametrize("package", ["pyarrow", "wcmatch"])
def test_without_its_extra_one_line_tells_what_to_install(tmp_path: Path, package: str) -> None:
    (tmp_path / f"{package}.py").write_text(f"raise ModuleNotFoundError('none', name='{package}')")
    printed = load(".", "o.parquet", status=2, PYTHONPATH=f"{tmp_path}:{ROOT / 'inference'}")
    assert printed == (
        f"bind-load: {package} is not installed: pip install '.[inference,load]' in a checkout\n"
    )


def test_without_a_terminal_the_log_tells_how_far_it_is(tmp_path: Path) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_text("a dog\n")
    with start(texts, tmp_path / "o.parquet") as process:
        _, log = process.communicate(timeout=60)
    events = [json.loads(line) for line in log.splitlines()]
    assert [event["todo"] for event in events if event["message"] == "load begins"] == [1]
    assert [event["embedded"] for event in events if event["message"] == "load ends"] == [1]
