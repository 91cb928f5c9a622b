"""Finds the pinned programs that `make cluster` builds (helm, caddy, kubectl, kwok …)."""

import functools
import subprocess
import sys
from pathlib import Path

import pytest


@functools.cache
def binary(name: str) -> Path:
    """Return the path of a pinned program of the local cluster.

    Fails the test (it does not skip it) when the program has not been built, naming the command to run.
    """
    found = subprocess.run(
        [sys.executable, "-m", "bind_local", "path", name],
        cwd=Path(__file__).parents[2] / "local",
        capture_output=True,
        text=True,
        check=False,
    )
    path = Path(found.stdout.strip())
    if found.returncode != 0 or not path.is_file():
        why = " ".join(found.stderr.split()) or "bind_local printed no path"
        pytest.fail(f"the program {name!r} is not built; run `make cluster` ({why})", pytrace=False)
    return path
