"""Builds are kept by module and pins, two of each; no other module's go with them."""

import os
from pathlib import Path

import pytest

from bind_local import command
from bind_local.paths import Paths
from bind_local.programs import binaries
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
