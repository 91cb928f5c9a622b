"""The pictures and tables of docs/architecture.md show the folders that are there, and arrows of the code."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
SECTIONS = {
    "operator/bind_operator": "## The road of a resource",
    "inference/bind_inference": "## The road of an item",
}
PACKAGES = sorted(SECTIONS)


def section(package: str) -> str:
    """Return the part of the page that is about a package."""
    return re.split(r"^## ", PAGE.partition(SECTIONS[package])[2], maxsplit=1, flags=re.MULTILINE)[0]


def picture(package: str) -> str:
    """Return the source of the section's picture."""
    return re.findall(r"^```mermaid\n(.*?)^```", section(package), re.DOTALL | re.MULTILINE)[0]


def boxes(package: str) -> dict[str, str]:
    """Return by the name of a node the folder that it stands for."""
    return dict(re.findall(r'(\w+)\["(\w+)/', picture(package)))


def arrows(package: str) -> list[tuple[str, str]]:
    """Return each arrow between two folders."""
    folder = boxes(package)
    bare = re.sub(r'\(\[.*?\]\)|\["[^"]*"\]|"[^"]*"', "", picture(package))
    ends = re.findall(r"^ *(\w+) *-[-. ]+> *(\w+) *$", bare, re.MULTILINE)
    assert len(ends) == len(re.findall(">", bare)), "an arrow that this test cannot read"
    return [(folder[one], folder[other]) for one, other in ends if one in folder and other in folder]


def folders(package: str) -> set[str]:
    """Return the names of the folders in a package."""
    return {init.parent.name for init in (ROOT / package).glob("*/__init__.py")}


def imported(package: str, folder: str) -> set[str]:
    """Return the modules and folders of its package that a folder's modules import."""
    sources = [file.read_text(encoding="utf-8") for file in (ROOT / package / folder).rglob("*.py")]
    name = Path(package).name
    return set(re.findall(rf"^\s*(?:from|import) {name}\.(\w+)", "\n".join(sources), re.MULTILINE))


@pytest.mark.parametrize("package", PACKAGES)
def test_every_folder_is_described_and_no_other(package: str) -> None:
    rows = [line.split("|")[1] for line in section(package).splitlines() if line.startswith("| `")]
    named = re.findall(r"`(\w+)/`", "".join(rows))
    assert sorted(named) == sorted(folders(package))
    assert set(boxes(package).values()) <= folders(package)


@pytest.mark.parametrize("package", PACKAGES)
def test_the_two_ends_of_an_arrow_know_each_other(package: str) -> None:
    """What goes along an arrow is data, so either end may be the one that imports."""
    drawn = arrows(package)
    assert len(drawn) >= 6
    unknown = [
        f"{one} -> {other}"
        for one, other in drawn
        if other not in imported(package, one) and one not in imported(package, other)
    ]
    assert unknown == []


def test_every_path_that_the_page_names_is_there() -> None:
    paths = re.findall(r"`((?:charts|inference|local|operator)/[\w./-]*)`", PAGE)
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []
