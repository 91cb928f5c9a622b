"""Builds are kept by module and pins, two of each; no other module's go with them."""

import os
from pathlib import Path

import pytest

from bind_local import command
from bind_local.paths import Paths
from bind_local.programs import binaries, modules
from bind_local.programs.modules import KEY_LENGTH, Module


def test_only_a_module_s_own_older_builds_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weaviate-1.36 begins like weaviate, of which a third build came."""
    paths = Paths(tmp_path)
    there = [f"weaviate-{letter * KEY_LENGTH}" for letter in "abc"] + ["weaviate-1.36-" + "d" * KEY_LENGTH]
    for age, name in enumerate(there):
        folder = paths.programs / name
        folder.mkdir(parents=True)
        os.utime(folder, (1_000_000 - age, 1_000_000 - age))

    def compiled(args: list[str], **_: object) -> None:
        Path(args[args.index("-o") + 1]).mkdir()

    monkeypatch.setattr(command, "logged", compiled)
    module = Module("weaviate", "", ("weaviate-server",))
    monkeypatch.setattr(Module, "key", lambda self: "e" * KEY_LENGTH)
    binaries.build(paths, module)

    left = {folder.name for folder in paths.programs.iterdir() if folder.is_dir()}
    assert left == {f"weaviate-{'e' * KEY_LENGTH}", there[0], there[3]}


@pytest.mark.parametrize(("line", "wanted"), [("toolchain go1.27.1", "go1.27.1"), ("", None)])
def test_a_module_is_built_by_the_go_that_it_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, wanted: str | None
) -> None:
    seen: dict[str, str] = {}

    def compiled(args: list[str], *, env: dict[str, str], **_: object) -> None:
        Path(args[args.index("-o") + 1]).mkdir()
        seen.update(env)

    monkeypatch.setattr(command, "logged", compiled)
    monkeypatch.setattr(modules, "LOCAL", tmp_path)
    (tmp_path / "go/thing").mkdir(parents=True)
    (tmp_path / "go/thing/go.mod").write_text(f"module x\n\ngo 1.27.0\n\n{line}\n")
    paths = Paths(tmp_path / "cache")
    paths.programs.mkdir(parents=True)
    binaries.build(paths, Module("thing", "", ("thing",)))
    assert seen.get("GOTOOLCHAIN") == wanted
