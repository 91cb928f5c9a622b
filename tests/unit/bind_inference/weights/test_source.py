"""Weights that are on the machine already: a checkpoint or a converted file, in a file or folder named."""

import os
import shutil
import tempfile
from collections import namedtuple
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from bind_inference.model import ImageBind
from bind_inference.weights.errors import WeightsError
from bind_inference.weights.progress import Stage
from bind_inference.weights.reading import convert_weights, named_source, read_model
from bind_inference.weights.source import converted_name

OTHER = "f" * 64
NOBODY = 65534

Load = Callable[[Path], tuple[ImageBind, list[Stage]]]


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    folder = tmp_path / "volume"
    folder.mkdir()
    return folder


@pytest.fixture
def load(small: str, cache: Path, published_sha256: str) -> Load:
    def loaded(path: Path, sha256: str = published_sha256) -> tuple[ImageBind, list[Stage]]:
        stages: dict[Stage, None] = {}
        source = named_source(path, sha256=sha256)
        model = read_model(small, source, cache, lambda progress: stages.setdefault(progress.stage))
        return model, list(stages)

    return loaded


@pytest.fixture
def ready(small: str, tmp_path: Path, published: Path, published_sha256: str) -> Path:
    """Return a converted file, as the command makes it."""
    return convert_weights(small, named_source(published, sha256=published_sha256), tmp_path / "made")


@contextmanager
def nobody() -> Iterator[None]:
    """Be a user without rights, for root may read everything."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)


def refusal(load: Load, path: Path) -> str:
    with pytest.raises(WeightsError) as caught:
        load(path)
    reported = str(caught.value)
    # The operator shows the last 400 characters of what a container said, and its program's name is in front.
    assert len(reported.replace(str(path.parent), "")) < 370
    return reported


@pytest.mark.parametrize("named", ["file", "folder", "folder, renamed"])
def test_a_converted_file_is_mapped_where_it_lies(
    load: Load, volume: Path, cache: Path, ready: Path, published: Path, named: str
) -> None:
    file = volume / ("weights.safetensors" if named == "folder, renamed" else ready.name)
    shutil.copy(ready, file)
    before = [(entry.name, entry.stat().st_mtime_ns) for entry in volume.iterdir()]
    model, stages = load(file if named == "file" else volume)
    assert stages == [Stage.LOAD]
    assert not cache.exists(), "nothing is copied"
    assert [(entry.name, entry.stat().st_mtime_ns) for entry in volume.iterdir()] == before
    assert str(file) in Path("/proc/self/maps").read_text()
    wanted = torch.load(published, weights_only=True)
    assert all(torch.equal(tensor, wanted[name]) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize("named", ["file", "folder"])
def test_a_checkpoint_is_checked_and_converted_into_the_cache_once(
    load: Load, volume: Path, cache: Path, published: Path, named: str
) -> None:
    file = volume / "imagebind_huge.pth"
    shutil.copy(published, file)
    path = file if named == "file" else volume
    assert load(path)[1] == [Stage.VERIFY, Stage.CONVERT, Stage.LOAD]
    assert load(path)[1] == [Stage.LOAD]
    assert [entry.name for entry in volume.iterdir()] == [file.name]
    assert len(list(cache.glob("*.safetensors"))) == 1


def test_a_converted_file_goes_before_a_checkpoint_and_before_one_of_another(
    load: Load, volume: Path, ready: Path, published: Path
) -> None:
    shutil.copy(published, volume / "a.pth")
    shutil.copy(ready, volume / "c.safetensors")
    save_file({"x": torch.zeros(1)}, volume / "b.safetensors", metadata={"source_sha256": OTHER})
    (volume / "d.safetensors").write_bytes(b"cut")
    assert load(volume)[1] == [Stage.LOAD]


def test_a_path_that_is_not_there_is_told_with_what_is(load: Load, volume: Path) -> None:
    (volume / "models").mkdir()
    (volume / "notes.txt").touch()
    reported = refusal(load, volume / "imagebind" / "x.pth")
    assert reported.startswith("--weights-path (BIND_WEIGHTS_PATH): cannot read ")
    assert f"{volume / 'imagebind' / 'x.pth'}: No such file or directory" in reported
    assert (
        f"{volume} holds models/, notes.txt. Name what is there, or see that the volume is mounted"
        in reported
    )


def test_an_empty_folder_is_told_with_what_was_looked_for(load: Load, volume: Path, small: str) -> None:
    reported = refusal(load, volume)
    assert f"{volume} holds neither {small}-" in reported
    assert "nor another *.safetensors, nor a *.pth or *.pt" in reported
    assert f"{volume} is empty" in reported
    (volume / "imagebind").mkdir()
    assert f"{volume} holds imagebind/. Name the file or the folder that has it" in refusal(load, volume)


def test_several_candidates_are_named(load: Load, volume: Path, ready: Path, published: Path) -> None:
    shutil.copy(published, volume / "a.pth")
    shutil.copy(published, volume / "b.pt")
    assert "several files that may be meant (a.pth, b.pt); name one of them" in refusal(load, volume)
    shutil.copy(ready, volume / "c.safetensors")
    shutil.copy(ready, volume / "d.safetensors")
    assert "(c.safetensors, d.safetensors); name one of them" in refusal(load, volume)


def test_a_checkpoint_of_another_sum_is_refused_with_both(
    load: Load, volume: Path, cache: Path, published: Path, published_sha256: str
) -> None:
    file = volume / "imagebind_huge.pth"
    file.write_bytes(published.read_bytes() + b"x")
    reported = refusal(load, volume)
    assert f"--weights-path (BIND_WEIGHTS_PATH): {file} (" in reported
    assert f"not {published_sha256}: another file, or damaged" in reported
    assert "--weights-sha256 (model.weights.sha256)" in reported
    assert not list(cache.glob("*.safetensors"))


def test_a_file_converted_from_another_checkpoint_is_refused_with_both_sums(
    load: Load, volume: Path, published_sha256: str
) -> None:
    file = volume / "a.safetensors"
    save_file({"x": torch.zeros(1)}, file, metadata={"source_sha256": OTHER})
    reported = refusal(load, volume)
    assert (
        f"{file} was converted from a checkpoint with the SHA-256 {OTHER}, not {published_sha256}" in reported
    )
    save_file({"x": torch.zeros(1)}, volume / "b.safetensors", metadata={"source_sha256": OTHER})
    reported = refusal(load, volume)
    assert (
        f"none of the safetensors files in {volume} (a.safetensors, b.safetensors) was converted" in reported
    )


def test_a_name_alone_does_not_make_it_the_wanted_file(
    load: Load, small: str, volume: Path, published_sha256: str
) -> None:
    file = volume / converted_name(small, published_sha256)
    save_file({"x": torch.zeros(1)}, file, metadata={"source_sha256": OTHER})
    assert f"with the SHA-256 {OTHER}, not {published_sha256}" in refusal(load, volume)


def test_a_safetensors_file_of_unknown_origin_is_refused(load: Load, volume: Path) -> None:
    save_file({"x": torch.zeros(1)}, volume / "theirs.safetensors")
    reported = refusal(load, volume)
    assert "theirs.safetensors does not say which checkpoint it was made from" in reported
    assert "python -m bind_inference convert" in reported


def test_a_converted_file_that_was_cut_is_to_be_copied_again(load: Load, volume: Path, ready: Path) -> None:
    (volume / ready.name).write_bytes(ready.read_bytes()[:-1])
    reported = refusal(load, volume)
    assert f"{volume / ready.name} is not a whole safetensors file" in reported
    assert "copy or convert it again" in reported


@pytest.mark.parametrize("change", ["lacks", "shape"])
def test_a_converted_file_without_a_tensor_or_of_another_shape_names_it(
    load: Load, volume: Path, ready: Path, published_sha256: str, change: str
) -> None:
    state = load_file(ready)
    name = "modality_heads.text.proj.1.weight"
    del state[name]
    if change == "shape":
        state[name] = torch.zeros(7, 48)
    file = volume / "changed.safetensors"
    save_file(state, file, metadata={"source_sha256": published_sha256})
    reported = refusal(load, file)
    assert f"{file} is not of this model: " in reported
    assert (f"it lacks {name}" if change == "lacks" else f"{name} is [7, 48], not [32, 48]") in reported
    assert "check model.weights (--weights-path" in reported


def test_what_may_not_be_read_is_told_with_who_asks(small: str) -> None:
    # Not below tmp_path, whose parents are closed to others.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        file = folder / "imagebind_huge.pth"
        file.write_bytes(b"secret")
        file.chmod(0)
        (folder / "x.safetensors").write_bytes(b"secret")
        (folder / "x.safetensors").chmod(0)
        closed = folder / "closed"
        closed.mkdir(mode=0)
        for path in (file, folder / "x.safetensors", closed):
            with nobody(), pytest.raises(WeightsError) as caught, tempfile.TemporaryDirectory() as cache:
                read_model(small, named_source(path), Path(cache))
            reported = str(caught.value)
            assert f"cannot read {path}: Permission denied; let user " in reported
            assert "chmod a+rX" in reported


def test_what_is_neither_file_nor_folder_is_refused(load: Load, volume: Path) -> None:
    os.mkfifo(volume / "pipe")
    assert "pipe is neither a file nor a folder" in refusal(load, volume / "pipe")


def test_a_cache_without_room_is_told_how_much_is_needed(
    load: Load, volume: Path, cache: Path, published: Path, ready: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(published, volume)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(0, 0, 1000))
    reported = refusal(load, volume)
    needed = sum(tensor.nbytes for tensor in load_file(ready).values())
    assert f"{cache} has 1,000 bytes free and the converted weights need {needed:,}" in reported
    assert "model.cache.size, --cache-dir" in reported


def test_what_a_killed_conversion_left_does_not_take_the_room(
    load: Load,
    small: str,
    cache: Path,
    published: Path,
    published_sha256: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cache.mkdir()
    left = (cache / converted_name(small, published_sha256)).with_suffix(".tmp")
    left.write_bytes(b"half")
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(0, 0, 0 if left.exists() else 1 << 40))
    assert load(published)[1] == [Stage.VERIFY, Stage.CONVERT, Stage.LOAD]


def test_converting_again_leaves_the_file_alone(
    small: str, volume: Path, published: Path, published_sha256: str
) -> None:
    shutil.copy(published, volume / "small.pth")
    source = named_source(volume, sha256=published_sha256)
    first = convert_weights(small, source, volume)
    made = first.stat().st_mtime_ns
    assert convert_weights(small, source, volume) == first
    assert first.stat().st_mtime_ns == made


def test_converting_what_is_converted_says_to_copy_it(
    small: str, tmp_path: Path, ready: Path, published_sha256: str
) -> None:
    with pytest.raises(WeightsError, match=r"\.safetensors is converted already; copy it as it is"):
        convert_weights(small, named_source(ready, sha256=published_sha256), tmp_path / "other")
