"""A release is written into a clean tree, or nothing is."""

import subprocess
from datetime import date
from pathlib import Path

import pytest

from bind_local.errors import LocalError
from bind_release import cli

PYPROJECT = '[project]\nversion = "0.2.0"\n'
CHANGELOG = "# Changelog\n\n## [Unreleased]\n\n- Soap.\n"
TODAY = date(2027, 1, 2)


def git(root: Path, *arguments: str) -> None:
    me = ("-c", "user.name=me", "-c", "user.email=me@example.org")
    subprocess.run(["git", *me, *arguments], cwd=root, check=True, capture_output=True)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    git(tmp_path, "init")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--message", "begin")
    return tmp_path


@pytest.mark.parametrize("version", ["0.2.0", "0.10.0"])
def test_version_and_changelog_are_written(root: Path, version: str) -> None:
    cli.prepare(root, version, TODAY)
    assert (root / "pyproject.toml").read_text() == f'[project]\nversion = "{version}"\n'
    assert f"## [{version}] - 2027-01-02\n\n- Soap." in (root / "CHANGELOG.md").read_text()


@pytest.mark.parametrize(
    ("version", "words"), [("0.1.9", "lower than the 0.2.0"), ("0.3", "not a version"), ("", "not a version")]
)
def test_a_version_that_cannot_be_is_refused(root: Path, version: str, words: str) -> None:
    with pytest.raises(LocalError, match=words):
        cli.prepare(root, version, TODAY)
    assert (root / "pyproject.toml").read_text() == PYPROJECT


def test_a_tree_with_changes_is_refused_and_they_are_named(root: Path) -> None:
    (root / "new.py").write_text("")
    with pytest.raises(LocalError, match=r"not clean:\n\?\? new\.py"):
        cli.prepare(root, "0.3.0", TODAY)
    assert (root / "pyproject.toml").read_text() == PYPROJECT


def test_a_changelog_without_news_leaves_the_version_as_it_was(root: Path) -> None:
    (root / "CHANGELOG.md").write_text("# Changelog\n\n## [Unreleased]\n")
    git(root, "commit", "--all", "--message", "no news")
    with pytest.raises(LocalError, match="says nothing"):
        cli.prepare(root, "0.3.0", TODAY)
    assert (root / "pyproject.toml").read_text() == PYPROJECT


def test_a_release_generates_checks_and_pushes_nothing(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / ".gitignore").write_text("/build/\n")
    (root / "Makefile").write_text("generate check:\n\techo $@ >>build/made\n")
    git(root, "add", ".")
    git(root, "commit", "--message", "a Makefile")
    assert cli.main(["release", "0.3.0"], root) == 0
    assert (root / "build/made").read_text() == "generate\ncheck\n"
    assert "git tag --annotate v0.3.0" in capsys.readouterr().out
    shown = subprocess.run(
        ["git", "log", "--format=%s"], cwd=root, capture_output=True, text=True, check=True
    )
    assert shown.stdout == "a Makefile\nbegin\n"


def test_a_failed_check_says_how_to_begin_anew(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "Makefile").write_text("generate:\n\tfalse\n")
    git(root, "add", ".")
    git(root, "commit", "--message", "a Makefile")
    assert cli.main(["release", "0.3.0"], root) == 1
    assert "git restore ." in capsys.readouterr().err
