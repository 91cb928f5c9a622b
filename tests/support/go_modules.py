"""The sources of a peer that was built here: its module has its definitions, which it is installed with."""

import subprocess
from pathlib import Path

from bind_local.programs.modules import Module


def sources(module: Module) -> Path:
    """Return the folder of a peer's sources."""
    where = subprocess.run(
        ["go", "env", "GOMODCACHE"], capture_output=True, text=True, check=True
    ).stdout.strip()
    return Path(where, f"{module.pinned}@v{module.version()}")


def definitions(module: Module, folder: str) -> list[Path]:
    """Return the files of the definitions of a peer, which its module has in `folder`."""
    found = sorted((sources(module) / folder).glob("*.yaml"))
    assert found, f"{module.name} was built, and Go's cache of modules was cleared after that"
    return found
