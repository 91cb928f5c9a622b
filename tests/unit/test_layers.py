"""Every module of these packages stands on a floor: a stray file would be under no rule of imports."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
LAYERED = ("inference/bind_inference", "inference/bind_load")
RULES: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"][
    "importlinter"
]


def layers_inside() -> dict[str, set[str]]:
    """Return by container the modules that its contract gives a layer, all of them exhaustive."""
    found: dict[str, set[str]] = {}
    for contract in RULES["contracts"]:
        if contract["type"] == "layers" and contract.get("exhaustive"):
            layers = [name for line in contract["layers"] for name in re.split(r"[|:]", line)]
            for container in contract["containers"]:
                names = {f"{container}.{name.strip().strip('()')}" for name in layers}
                found.setdefault(container, set()).update(names)
    return found


def modules_of(package: Path) -> list[str]:
    """Return the names of all modules of a package, itself left out."""
    files = package.rglob("*.py")
    names = {".".join(file.relative_to(package.parent).with_suffix("").parts) for file in files}
    return sorted({name.removesuffix(".__init__") for name in names} - {package.name})


@pytest.mark.parametrize("folder", LAYERED)
def test_every_module_is_in_a_layer(folder: str) -> None:
    package = ROOT / folder
    assert package.name in RULES["root_packages"]
    layers = layers_inside()[package.name]
    modules = modules_of(package)
    assert modules
    stray = [name for name in modules if not any(f"{name}.".startswith(f"{layer}.") for layer in layers)]
    assert not stray, "give each a layer in pyproject.toml's [tool.importlinter]"
