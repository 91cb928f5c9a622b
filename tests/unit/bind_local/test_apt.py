"""Debian's package lists."""

from pathlib import Path

import pytest

from bind_local.apt import LIST, PIPELINES_LIST, installed, wanted


def test_comments_and_blank_lines_are_no_packages() -> None:
    assert wanted("# why\n\nrunc\n containerd  # the runtime\n") == ["runc", "containerd"]


def test_a_removed_package_is_not_installed() -> None:
    shown = "runc installed\ncontainerd config-files\nbuildah half-installed\n"
    assert installed(shown) == {"runc"}


@pytest.mark.parametrize("file", [LIST, PIPELINES_LIST], ids=lambda file: file.name)
def test_the_list_is_sorted_and_says_each_once(file: Path) -> None:
    names = wanted(file.read_text())
    assert names == sorted(set(names))
