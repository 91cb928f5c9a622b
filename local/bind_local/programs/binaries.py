"""Builds the Go programs into the cache; those that are there already are left alone."""

import shutil
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from bind_local import command
from bind_local.lock import file_lock
from bind_local.paths import Paths
from bind_local.programs.modules import BUILD_FLAGS, KEY_LENGTH, Module
from bind_local.steps import Step

REMEDY = (
    "Go 1.26 or newer has to be on the PATH and reach the module proxy; a full disk or too little memory "
    "also ends a build. Then run the same command again: what was compiled is not compiled twice"
)
KEPT = 2
"""Each module keeps this many sets of pins: this checkout's, and one more for another."""


def build_steps(paths: Paths, modules: Sequence[Module]) -> list[Step]:
    """Return a step for each module."""
    return [
        Step(
            f"build {module.name} {module.version()}".strip(),
            partial(build, paths, module),
            partial(is_built, paths, module),
        )
        for module in modules
    ]


def is_built(paths: Paths, module: Module) -> bool:
    """Say whether every program of these pins is there; a folder appears only when it is complete."""
    return all((module.home(paths) / name).is_file() for name in module.programs)


def build(paths: Paths, module: Module) -> None:
    """Build a module's programs. Raises CommandFailed with the compiler's output."""
    with file_lock(paths.programs / f"{module.name}.lock"):
        if not is_built(paths, module):
            _build(paths, module)


def _build(paths: Paths, module: Module) -> None:
    home = module.home(paths)
    toolchain = {"GOTOOLCHAIN": module.toolchain()} if module.toolchain() else {}
    with tempfile.TemporaryDirectory(dir=paths.programs, prefix=f".{module.name}-") as scratch:
        built = Path(scratch) / "built"
        command.logged(
            ["go", "build", *BUILD_FLAGS, "-ldflags", module.ldflags(), "-o", f"{built}/", module.pattern],
            log=paths.logs / f"build-{module.name}.log",
            remedy=REMEDY,
            cwd=module.folder,
            # The user's GOFLAGS and go.work could change what the pins say.
            env={"CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off", **toolchain},
        )
        shutil.rmtree(home, ignore_errors=True)
        built.rename(home)
    _remove_older(paths, module)


def _remove_older(paths: Paths, module: Module) -> None:
    # Not `-*`, which weaviate would have in common with weaviate-1.36.
    mine = paths.programs.glob(f"{module.name}-{'[0-9a-f]' * KEY_LENGTH}")
    homes = sorted(mine, key=lambda p: p.stat().st_mtime, reverse=True)
    for old in homes[KEPT:]:
        shutil.rmtree(old, ignore_errors=True)
