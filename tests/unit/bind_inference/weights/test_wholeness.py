"""Weights on a disk that lost its power, and programs that were killed: right vectors or a clear word."""

import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from bind_inference.model import ImageBind
from bind_inference.weights import wholeness
from bind_inference.weights.errors import WeightsError
from bind_inference.weights.progress import Stage
from bind_inference.weights.reading import convert_weights, named_source, read_model
from bind_inference.weights.source import converted_name
from support.file_server import FileServer, serving
from support.server import ROOT

Load = Callable[[], tuple[ImageBind, list[Stage]]]

PAGE = 4096


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def target(cache: Path, small: str, published_sha256: str) -> Path:
    return cache / converted_name(small, published_sha256)


@pytest.fixture
def load(small: str, cache: Path, published: Path, published_sha256: str) -> Load:
    def loaded() -> tuple[ImageBind, list[Stage]]:
        stages: dict[Stage, None] = {}
        source = named_source(published, sha256=published_sha256)
        model = read_model(small, source, cache, lambda progress: stages.setdefault(progress.stage))
        return model, list(stages)

    return loaded


def is_right(model: ImageBind, published: Path) -> bool:
    wanted = torch.load(published, weights_only=True)
    return all(torch.equal(tensor, wanted[name]) for name, tensor in model.state_dict().items())


def zero(file: Path, start: int, size: int) -> None:
    """Write zeros, as a file system does in whose place nothing was written, and leave length and date."""
    before = file.stat()
    with file.open("r+b") as opened:
        opened.seek(start)
        opened.write(bytes(min(size, before.st_size - start)))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def boot(monkeypatch: pytest.MonkeyPatch, name: str, folder: Path) -> None:
    """Let the machine be started anew."""
    file = folder / f"boot-{name}"
    file.write_text(f"{name}\n")
    monkeypatch.setattr(wholeness, "_BOOT_ID", file)


def damaged(file: Path, seed: int) -> str:
    """Damage a file somewhere; return how."""
    chosen, size = random.Random(seed), file.stat().st_size
    place = chosen.randrange(0, size)
    match seed % 4:
        case 0:
            os.truncate(file, place)
            return f"cut at {place}"
        case 1:
            page = place // PAGE * PAGE
            zero(file, page, PAGE)
            return f"zeros at {page}"
        case 2:
            zero(file, place, size)
            return f"zeros from {place}"
        case _:
            zero(file, 0, size)
            return "all zeros"


@pytest.mark.parametrize("seed", range(16))
def test_our_own_file_is_made_anew_wherever_it_is_damaged(
    load: Load, target: Path, published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    boot(monkeypatch, "first", tmp_path)
    load()
    how = damaged(target, seed)
    boot(monkeypatch, "second", tmp_path)
    model, stages = load()
    assert is_right(model, published), how
    assert stages == [Stage.VERIFY, Stage.CONVERT, Stage.LOAD], how
    assert load()[1] == [Stage.LOAD]


@pytest.mark.parametrize("seed", range(8))
def test_a_file_of_somebody_else_is_left_and_named(
    small: str, tmp_path: Path, published: Path, published_sha256: str, seed: int
) -> None:
    source = named_source(published, sha256=published_sha256)
    ready = convert_weights(small, source, tmp_path / "volume")
    how = damaged(ready, seed)
    content = ready.read_bytes()
    with pytest.raises(WeightsError) as caught:
        read_model(small, named_source(ready.parent, sha256=published_sha256), tmp_path / "cache")
    assert str(ready) in str(caught.value), how
    assert "copy or convert it again" in str(caught.value), how
    assert ready.read_bytes() == content


def test_what_was_found_whole_is_summed_up_again_after_the_next_boot_only(
    load: Load, target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sums: list[int] = []
    content_sum = wholeness.content_sum
    monkeypatch.setattr(wholeness, "content_sum", lambda tensors: sums.append(1) or content_sum(tensors))
    boot(monkeypatch, "first", tmp_path)
    load()
    after_conversion = len(sums)
    load()
    load()
    assert (after_conversion, len(sums)) == (1, 1)
    boot(monkeypatch, "second", tmp_path)
    load()
    load()
    assert len(sums) == 2
    os.utime(target)
    load()
    assert len(sums) == 3


def test_a_note_that_is_damaged_or_cannot_be_written_costs_time_alone(
    load: Load, target: Path, published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load()
    (note,) = target.parent.glob(".*.whole.json")
    for content in (b"", b"\0" * 50, b"[1]", b'{"boot": "other"}'):
        note.write_bytes(content)
        assert is_right(load()[0], published)
    note.unlink()
    note.mkdir()
    assert is_right(load()[0], published)


def test_a_file_of_before_has_no_sum_and_is_taken(
    load: Load, target: Path, published: Path, published_sha256: str
) -> None:
    load()
    tensors = load_file(target)
    save_file(tensors, target, metadata={"source_sha256": published_sha256})
    model, stages = load()
    assert stages == [Stage.LOAD]
    assert is_right(model, published)


def test_a_disk_that_gives_back_other_bytes_is_named(
    load: Load, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wholeness, "content_sum", lambda _: "0" * 64)
    with pytest.raises(WeightsError, match=r"was written just now and is damaged .*: see to the disk"):
        load()


def test_a_file_is_on_the_disk_before_it_has_its_name_and_the_name_too(
    load: Load, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def note_fsync(descriptor: int) -> None:
        done.append(f"fsync {Path(f'/proc/self/fd/{descriptor}').readlink().name}")
        fsync(descriptor)

    def note_replace(self: Path, other: Path) -> Path:
        done.append(f"{self.name} becomes {Path(other).name}")
        return replace(self, other)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(Path, "replace", note_replace)
    load()
    temporary = target.with_suffix(".tmp").name
    assert done == [f"fsync {temporary}", f"{temporary} becomes {target.name}", f"fsync {target.parent.name}"]
    with safe_open(target, framework="pt") as file:
        assert len(file.metadata()["content_sum"]) == 64


KILLED = """
import dataclasses, os, signal, sys
from pathlib import Path
from bind_inference.model import CONFIGS
from bind_inference.weights import checkpoint, files, reading

model, published, sha256, cache, where = sys.argv[1:]
reading.CONFIGS = {model: dataclasses.replace(CONFIGS["Tiny"], name=model), "Tiny": CONFIGS["Tiny"]}
save_file, fsync, replace = checkpoint.save_file, os.fsync, Path.replace

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

def half(tensors, path, metadata):
    save_file(tensors, path, metadata=metadata)
    os.truncate(path, os.path.getsize(path) // 2)
    die()

def save_and_die(tensors, path, metadata):
    save_file(tensors, path, metadata=metadata)
    die()

def replace_and_die(self, other):
    replace(self, other)
    die()

if where == "before it writes":
    checkpoint.save_file = die
if where == "half written":
    checkpoint.save_file = half
if where == "written":
    checkpoint.save_file = save_and_die
if where == "before its name":
    Path.replace = die
if where == "with its name":
    Path.replace = replace_and_die
reading.read_model(model, reading.named_source(Path(published), sha256=sha256), Path(cache))
"""


@pytest.mark.parametrize(
    "where", ["before it writes", "half written", "written", "before its name", "with its name"]
)
def test_a_conversion_that_is_killed_is_no_matter(
    load: Load, small: str, cache: Path, published: Path, published_sha256: str, where: str
) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, small, published, published_sha256, cache, where],
        env=os.environ | {"PYTHONPATH": str(ROOT / "inference")},
        timeout=120,
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL
    model, stages = load()
    assert is_right(model, published)
    assert stages == ([Stage.LOAD] if where == "with its name" else [Stage.VERIFY, Stage.CONVERT, Stage.LOAD])
    assert [path.suffix for path in cache.iterdir() if not path.name.startswith(".")] == [".safetensors"]


@pytest.mark.parametrize("kind", [".pth", ".part"])
def test_a_download_that_lost_bytes_is_fetched_again(
    small: str, cache: Path, published: Path, published_sha256: str, kind: str
) -> None:
    cache.mkdir()
    left = cache / f"{published_sha256}{kind}"
    shutil.copy(published, left)
    zero(left, left.stat().st_size // 2 // PAGE * PAGE, PAGE)
    if kind == ".part":
        os.truncate(left, left.stat().st_size - PAGE)
    with serving(FileServer(published.read_bytes())) as server:
        model = read_model(small, named_source(url=server.url, sha256=published_sha256), cache)
    assert is_right(model, published)
    assert not [path for path in cache.iterdir() if path.suffix in {".pth", ".part"}]
