"""The sources of a peer that was built here: its module has its definitions, which it is installed with."""

import subprocess
from pathlib import Path

from bind_local.programs.modules import Module


def definitions(module: Module, folder: str) -> list[Path]:
    """Return the files of the definitions of a peer, which its module has in `folder`."""
    where = subprocess.run(
        ["go", "env", "GOMODCACHE"], capture_output=True, text=True, check=True
    ).stdout.strip()
    found = sorted(Path(where, f"{module.pinned}@v{module.version()}", folder).glob("*.yaml"))
    assert found, f"{module.name} was built, and Go's cache of modules was cleared after that"
    return found
