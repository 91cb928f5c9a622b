"""From a published checkpoint to a model: converted once, then mapped. Tiny's tensors stand for the large."""

import hashlib
import pickle
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from bind_inference.model import ImageBind
from bind_inference.weights.errors import WeightsError
from bind_inference.weights.progress import Progress, Stage
from bind_inference.weights.reading import named_source, read_model
from support.checkpoint import HUGE
from support.file_server import FileServer, serving

pytestmark = pytest.mark.usefixtures("small")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read(cache: Path, url: str, sum_: str) -> tuple[ImageBind, list[Stage]]:
    stages: list[Stage] = []

    def note(progress: Progress) -> None:
        if progress.stage not in stages:
            stages.append(progress.stage)

    model = read_model(HUGE, named_source(url=url, sha256=sum_), cache, note)
    return model, stages


@pytest.fixture
def server(published: Path) -> Iterator[FileServer]:
    with serving(FileServer(published.read_bytes())) as server:
        yield server


def test_the_first_start_downloads_and_converts_the_next_only_loads(
    tmp_path: Path, published: Path, server: FileServer
) -> None:
    first, stages = read(tmp_path, server.url, sha256(published))
    assert stages == [Stage.DOWNLOAD, Stage.VERIFY, Stage.CONVERT, Stage.LOAD]
    kept = sorted(path.suffix for path in tmp_path.iterdir() if not path.name.startswith("."))
    assert kept == [".safetensors"], "the cache need not hold the checkpoint twice"
    second, stages = read(tmp_path, server.url, sha256(published))
    assert stages == [Stage.LOAD]
    assert len(server.requests) == 1
    wanted = torch.load(published, weights_only=True)
    for model in (first, second):
        state = model.state_dict()
        assert state.keys() == wanted.keys()
        assert all(torch.equal(state[name], wanted[name]) for name in wanted)


def test_a_file_address_is_read_in_place(tmp_path: Path, published: Path) -> None:
    _, stages = read(tmp_path, published.as_uri(), sha256(published))
    assert stages == [Stage.VERIFY, Stage.CONVERT, Stage.LOAD]
    assert published.exists()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"cannot read .*gone\.pth: No such file"):
        read(tmp_path, (tmp_path / "gone.pth").as_uri(), "0" * 64)


def test_a_pickle_that_runs_code_is_refused(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (tmp_path / "ran",)  # type: ignore[return-value]

    path = tmp_path / "evil.pth"
    torch.save({"x": Evil()}, path)
    with pytest.raises(WeightsError, match="not a PyTorch checkpoint of plain tensors"):
        read(tmp_path / "cache", path.as_uri(), sha256(path))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "content", [b"", b"<html>moved</html>", pickle.dumps({"a": 1})], ids=["empty", "html", "pickle"]
)
def test_what_is_no_checkpoint_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "page.pth"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"page\.pth .*model\.weights"):
        read(tmp_path / "cache", path.as_uri(), sha256(path))
    assert [file.name for file in (tmp_path / "cache").iterdir()] == [".lock"]


def test_a_checkpoint_of_another_model_names_the_tensor(tmp_path: Path, published: Path) -> None:
    state = torch.load(published, weights_only=True)
    name = "modality_heads.text.proj.1.weight"
    state[name] = torch.zeros(7, 48)
    torch.save(state, tmp_path / "other.pth")
    path = tmp_path / "other.pth"
    with pytest.raises(WeightsError, match=rf"{name} is \[7, 48\], not \[32, 48\]"):
        read(tmp_path / "cache", path.as_uri(), sha256(path))
    del state[name]
    torch.save(state, path)
    with pytest.raises(WeightsError, match=f"it lacks {name}"):
        read(tmp_path / "cache", path.as_uri(), sha256(path))


def test_a_damaged_cache_is_made_anew(tmp_path: Path, published: Path) -> None:
    read(tmp_path, published.as_uri(), sha256(published))
    (path,) = tmp_path.glob("*.safetensors")
    path.write_bytes(path.read_bytes()[:1000])
    model, stages = read(tmp_path, published.as_uri(), sha256(published))
    assert stages == [Stage.VERIFY, Stage.CONVERT, Stage.LOAD]
    wanted = torch.load(published, weights_only=True)
    assert all(torch.equal(tensor, wanted[name]) for name, tensor in model.state_dict().items())


def test_two_servers_that_share_a_cache_download_once(
    tmp_path: Path, published: Path, server: FileServer
) -> None:
    sum_ = sha256(published)
    threads = [threading.Thread(target=read, args=(tmp_path, server.url, sum_)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server.requests) == 1


def test_an_unknown_model_is_told_the_names(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"unknown model 'Big': choose one of ImageBindHuge, Tiny"):
        read_model("Big", named_source(), tmp_path)
