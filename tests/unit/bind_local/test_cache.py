"""The cache is given back, and nothing else that its folder holds; what a run needs is seen on disk."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bind_local import cache, preflight
from bind_local.disk import Need
from bind_local.paths import REPO, Paths, cache_folder
from bind_local.programs.modules import CADDY, HELM, PIPELINE_MODULES
from bind_local.usage import usage

MB = 1_000_000


def fill(file: Path, size: int = MB) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(os.urandom(size))
    return file


def test_the_cache_goes_and_says_how_much_it_was(tmp_path: Path) -> None:
    paths = Paths(tmp_path / "cache")
    for folder in (
        paths.programs,
        paths.logs,
        paths.containerd,
        paths.registry,
        paths.buildah,
        paths.cluster,
    ):
        fill(folder / "deep/file", 60 * MB)
    (paths.cache / "images.lock").touch()
    assert cache.clean(paths) == f"0.4 GB given back from {paths.cache}"
    assert not paths.cache.exists()
    assert cache.clean(paths) == f"there is no cache at {paths.cache}"


def test_what_is_not_ours_stays(tmp_path: Path) -> None:
    """BIND_CACHE may be somebody's home."""
    letter = fill(tmp_path / "letters/letter")
    fill(tmp_path / "bin/helm-1/helm")
    assert cache.clean(Paths(tmp_path)).endswith(f"; {tmp_path} stays, for it holds more than ours")
    assert letter.exists()
    assert not (tmp_path / "bin").exists()


def test_usage_counts_a_file_once_and_links_not_at_all(tmp_path: Path) -> None:
    file = fill(tmp_path / "a/file")
    before = usage(tmp_path)
    assert MB <= before < 1.1 * MB
    (tmp_path / "hard").hardlink_to(file)
    (tmp_path / "soft").symlink_to("/usr")
    assert usage(tmp_path) == before
    assert usage(tmp_path / "nowhere") == 0


def needs(paths: Paths) -> dict[str, Need]:
    return {need.what: need for need in preflight.needs(paths, (HELM, CADDY))}


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Paths:
    monkeypatch.setattr(preflight, "go_caches", lambda: (tmp_path / "builds", tmp_path / "modules"))
    return Paths(tmp_path / "cache")


def test_a_program_that_is_built_is_not_missing(paths: Paths) -> None:
    before = needs(paths)
    HELM.home(paths).mkdir(parents=True)
    after = needs(paths)
    for what in ("programs", "Go's modules", "Go's builds"):
        assert before[what].missing_bytes == before[what].size_bytes > after[what].missing_bytes > 0
    CADDY.home(paths).mkdir()
    assert needs(paths)["Go's builds"].missing_bytes == 0


def test_after_the_cache_was_given_back_go_s_own_caches_still_count(paths: Paths, tmp_path: Path) -> None:
    for module in (HELM, CADDY):
        (tmp_path / "modules" / f"{module.pinned}@v{module.version()}").mkdir(parents=True)
    assert needs(paths)["programs"].missing_bytes > 0
    assert needs(paths)["Go's modules"].missing_bytes == needs(paths)["Go's builds"].missing_bytes == 0


def test_temporary_files_need_room_only_while_something_is_made(
    paths: Paths, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for module in (HELM, CADDY):
        module.home(paths).mkdir(parents=True)
    monkeypatch.setattr(preflight, "usage", lambda folder: preflight.IMAGE_BYTES)
    monkeypatch.setattr(preflight, "REPO", tmp_path)
    assert needs(paths)["temporary files"].missing_bytes > 0
    fill(tmp_path / ".venv/installed")
    assert [need.what for need in needs(paths).values() if need.missing_bytes] == []


def test_the_time_of_each_module_is_known() -> None:
    assert set(preflight.SECONDS) == {module.name for module in PIPELINE_MODULES}


@pytest.mark.parametrize(
    ("given", "xdg", "folder"), [("/a/b", "/x", "/a/b"), ("", "/x", "/x/bindvectorizer")]
)
def test_the_cache_is_where_the_environment_says(given: str, xdg: str, folder: str) -> None:
    assert cache_folder(given, xdg) == Path(folder)


def test_it_runs_before_there_is_a_venv(tmp_path: Path) -> None:
    """By an interpreter without any package, from any folder."""
    done = subprocess.run(
        [sys.executable, "-S", "-m", "bind_local.preflight"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(REPO / "local"), "BIND_CACHE": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert re.match(
        r"from nothing this takes \d+ GB of disk and about \d+ minutes to set up; here ", done.stdout
    )
    assert done.returncode == 0 or "are still to be written to it" in done.stderr
