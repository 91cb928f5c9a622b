"""Every module of every package has a layer: one without would be under no rule of imports."""

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bind_local.checks import PACKAGES

ROOT = Path(__file__).parents[2]
RULES: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"][
    "importlinter"
]
FOLDERS = [ROOT / folder for folder in PACKAGES]


def layers_inside(package: str) -> set[str]:
    """Return the names of the layers that the exhaustive contract of a package has; none if it has none."""
    return {
        name.strip(" ()")
        for contract in RULES["contracts"]
        if contract["type"] == "layers"
        and contract.get("exhaustive")
        and package in contract.get("containers", ())
        for line in contract["layers"]
        for name in re.split(r"[|:]", line)
    }


def parts_of(package: Path) -> set[str]:
    """Return the names of the modules and folders right in a package."""
    files = {file.relative_to(package).parts[0].removesuffix(".py") for file in package.rglob("*.py")}
    return files - {"__init__"}


def bare_folders(package: Path) -> list[str]:
    """Return the folders with modules that are not packages, which the check of imports would not see."""
    folders = {file.parent for file in package.rglob("*.py")}
    return sorted(str(folder) for folder in folders if not (folder / "__init__.py").is_file())


def test_the_check_knows_every_package() -> None:
    there = {path.parent for top in ("operator", "inference", "local") for path in ROOT.glob(f"{top}/*/*.py")}
    assert set(FOLDERS) == there, "name it in PACKAGES of local/bind_local/checks.py"
    assert sorted(RULES["root_packages"]) == sorted(folder.name for folder in FOLDERS)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_module_has_a_layer(folder: Path) -> None:
    layers = layers_inside(folder.name)
    assert layers, "give it an exhaustive contract of layers in pyproject.toml"
    assert parts_of(folder) == layers


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_folder_of_modules_is_a_package(folder: Path) -> None:
    assert bare_folders(folder) == []


@pytest.fixture
def package(tmp_path: Path) -> Callable[[str], Path]:
    def make(*files: str) -> Path:
        for file in files:
            path = tmp_path / "some" / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return tmp_path / "some"

    return make


def test_a_stray_file_is_seen(package: Callable[..., Path]) -> None:
    assert parts_of(package("__init__.py", "stray.py")) == {"stray"}


def test_a_stray_folder_is_seen(package: Callable[..., Path]) -> None:
    folder = package("__init__.py", "stray/inner/module.py")
    assert parts_of(folder) == {"stray"}
    assert bare_folders(folder) == [str(folder / "stray/inner")]
