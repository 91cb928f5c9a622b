"""Fetching a file from a real server that hangs up, lies, lacks ranges or is out of order."""

import hashlib
import random
from collections import namedtuple
from pathlib import Path

import pytest

from bind_inference.weights.download import fetch
from bind_inference.weights.errors import WeightsError
from bind_inference.weights.progress import Progress, Stage
from support.file_server import FileServer, serving

CONTENT = random.Random(0).randbytes(3_000_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def fetched(server: FileServer, folder: Path, sha256: str = SHA256) -> tuple[Path, list[Progress]]:
    seen: list[Progress] = []
    fetch(server.url, folder / "weights.pth", sha256, seen.append, pause_s=0)
    return folder / "weights.pth", seen


def test_a_file_is_fetched_checked_and_only_then_named(tmp_path: Path) -> None:
    with serving(FileServer(CONTENT)) as server:
        path, seen = fetched(server, tmp_path)
    assert path.read_bytes() == CONTENT
    assert [file.name for file in tmp_path.iterdir()] == ["weights.pth"]
    assert seen[-1] == Progress(Stage.VERIFY, len(CONTENT), len(CONTENT))
    downloads = [step for step in seen if step.stage is Stage.DOWNLOAD]
    assert downloads[-1] == Progress(Stage.DOWNLOAD, len(CONTENT), len(CONTENT))


def test_a_file_is_on_the_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    replace = Path.replace

    def note_replace(self: Path, other: Path) -> Path:
        done.append(f"{self.suffix} becomes {Path(other).name}")
        return replace(self, other)

    monkeypatch.setattr(
        "os.fsync", lambda number: done.append(Path(f"/proc/self/fd/{number}").readlink().suffix)
    )
    monkeypatch.setattr(Path, "replace", note_replace)
    with serving(FileServer(CONTENT)) as server:
        fetched(server, tmp_path)
    assert done == [".part", ".part becomes weights.pth", ""]


def test_a_download_that_breaks_off_goes_on_where_it_stopped(tmp_path: Path) -> None:
    with serving(FileServer(CONTENT, hang_up_after=[1_200_000, 900_000])) as server:
        path, _ = fetched(server, tmp_path)
    assert path.read_bytes() == CONTENT
    first, second, third = server.requests
    assert first is None
    assert second is not None
    assert third is not None
    starts = [int(wanted.removeprefix("bytes=").removesuffix("-")) for wanted in (second, third)]
    assert 0 < starts[0] <= 1_200_000 < starts[1] <= 2_100_000


def test_what_an_earlier_process_left_is_continued(tmp_path: Path) -> None:
    (tmp_path / f"{SHA256}.part").write_bytes(CONTENT[:2_000_000])
    with serving(FileServer(CONTENT)) as server:
        path, seen = fetched(server, tmp_path)
    assert path.read_bytes() == CONTENT
    assert server.requests == ["bytes=2000000-"]
    assert seen[0].total_bytes == len(CONTENT)


def test_a_complete_left_over_is_not_fetched_again(tmp_path: Path) -> None:
    (tmp_path / f"{SHA256}.part").write_bytes(CONTENT)
    with serving(FileServer(CONTENT)) as server:
        path, _ = fetched(server, tmp_path)
    assert path.read_bytes() == CONTENT
    assert len(server.requests) == 1


def test_a_left_over_longer_than_the_file_is_thrown_away(tmp_path: Path) -> None:
    (tmp_path / f"{SHA256}.part").write_bytes(CONTENT + b"x")
    with serving(FileServer(CONTENT)) as server:
        path, _ = fetched(server, tmp_path)
    assert path.read_bytes() == CONTENT


def test_a_server_without_ranges_is_read_from_the_start(tmp_path: Path) -> None:
    (tmp_path / f"{SHA256}.part").write_bytes(CONTENT[:1000])
    with serving(FileServer(CONTENT, ranges=False)) as server:
        path, _ = fetched(server, tmp_path)
    assert path.read_bytes() == CONTENT


def test_a_server_out_of_order_is_asked_again(tmp_path: Path) -> None:
    with serving(FileServer(CONTENT, statuses=[503, 500])) as server:
        path, _ = fetched(server, tmp_path)
    assert path.read_bytes() == CONTENT


def test_another_file_is_refused_with_both_sums_and_deleted(tmp_path: Path) -> None:
    with serving(FileServer(CONTENT)) as server, pytest.raises(WeightsError) as refusal:
        fetched(server, tmp_path, "0" * 64)
    assert SHA256 in str(refusal.value)
    assert "0" * 64 in str(refusal.value)
    assert list(tmp_path.iterdir()) == []


def test_an_address_without_a_file_is_not_tried_again(tmp_path: Path) -> None:
    with serving(FileServer(CONTENT, statuses=[404])) as server:
        with pytest.raises(WeightsError, match=r"answered 404 Not Found; check model\.weights\.url"):
            fetched(server, tmp_path)
        assert len(server.requests) == 1


def test_a_server_that_never_brings_anything_is_given_up_with_what_came_kept(tmp_path: Path) -> None:
    with serving(FileServer(CONTENT, hang_up_after=[1_100_000, 0, 0, 0, 0, 0])) as server:
        with pytest.raises(WeightsError, match="the download goes on where it stopped"):
            fetched(server, tmp_path)
        assert len(server.requests) == 6
    assert 0 < (tmp_path / f"{SHA256}.part").stat().st_size <= 1_100_000


def test_nobody_listening_is_said_with_the_address(tmp_path: Path) -> None:
    with serving(FileServer(CONTENT)) as server:
        pass
    with pytest.raises(WeightsError, match=f"cannot fetch {server.url}"):
        fetched(server, tmp_path)


def test_a_file_larger_than_the_disk_is_refused_before_it_fills_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(0, 0, 1_000_000))
    with serving(FileServer(CONTENT)) as server, pytest.raises(WeightsError) as refusal:
        fetched(server, tmp_path)
    assert "3000000 bytes are still to come" in str(refusal.value)
    assert "model.cache.size" in str(refusal.value)


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with serving(FileServer(CONTENT)) as server, pytest.raises(WeightsError, match="cannot write"):
        fetched(server, tmp_path / "file")
