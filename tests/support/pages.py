"""The commands of a page are run as they stand there, by a shell that has the programs on its PATH."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from support.tools import binary

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs/how-to"
MODULES = {"bind-operator": "bind_operator", "bindctl": "bindctl"}


def blocks(page: str, language: str) -> list[str]:
    """Return the blocks of a language in a page, in their order."""
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)


def snippets(page: str, language: str) -> list[str]:
    """Return the blocks of a language of a page of docs/how-to, by its file's name; there are some."""
    found = blocks((PAGES / page).read_text(encoding="utf-8"), language)
    assert found, f"{page} shows nothing in {language}"
    return found


def block_with(page: str, language: str, words: str) -> str:
    """Return the one block of a language that has these words."""
    (found,) = [one for one in blocks(page, language) if words in one]
    return found


def run_block(script: str, kubeconfig: Path, folder: Path, **environment: str) -> str:
    """Run a block in `folder`, where the repository's `charts` are too; return what it prints.

    It has kubectl, Helm, and this project's own commands.
    """
    programs = folder / "programs"
    programs.mkdir(exist_ok=True)
    for name in ("kubectl", "helm"):
        _link(programs / name, Path(binary(name)))
    for name, module in MODULES.items():
        python = shlex.quote(sys.executable)
        (programs / name).write_text(f'#!/bin/sh\nexec {python} -m {module} "$@"\n')
        (programs / name).chmod(0o755)
    _link(folder / "charts", ROOT / "charts")
    own = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "KUBECONFIG": str(kubeconfig),
        "PYTHONPATH": str(ROOT / "operator"),
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=os.environ | own | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def _link(path: Path, target: Path) -> None:
    if not path.is_symlink():
        path.symlink_to(target)
