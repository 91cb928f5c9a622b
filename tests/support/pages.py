"""The code on a page of docs/how-to is run as it stands there, so that page and test cannot differ."""

import os
import re
import shlex
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from support.tools import binary

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs/how-to"
MODULES = {"bind-operator": "bind_operator", "bindctl": "bindctl"}
_FENCE = re.compile(r"^( *)```(\w+)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_MARK = "and-its-status-is"
_LIMIT_S = 120


def blocks(page: str, language: str = "sh", under: str = "") -> list[str]:
    """Return the code of a language on a page, by its file's name, in its order; there is some.

    under: only below this heading, up to the next one.
    """
    text = (PAGES / page).read_text(encoding="utf-8")
    if under:
        text = re.split(rf"^##+ {re.escape(under)}\n", text, flags=re.MULTILINE)[1]
        text = re.split(r"^##+ ", text, flags=re.MULTILINE)[0]
    found = [textwrap.dedent(code) for _, name, code in _FENCE.findall(text) if name == language]
    assert found, f"{page} has no {language} under {under!r}"
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
    return _bash(f"set -eu -o pipefail\n{script}", own | environment, folder)


@dataclass
class Shell:
    """One bash in which commands are run one after the other, as a reader does: its variables stay.

    kubectl: the command line that `kubectl` stands for. more: environment.
    """

    kubectl: list[str] = field(default_factory=list)
    more: Mapping[str, str] = field(default_factory=dict)
    _variables: str = ""

    def run(self, commands: str) -> str:
        """Run them and return what they print; a failed one fails the test."""
        words = " ".join(f"'{word}'" for word in self.kubectl)
        kubectl = f'kubectl() {{ {words} "$@"; }}\n' if self.kubectl else ""
        script = (
            f"set -eu -o pipefail\n{kubectl}{self._variables}\n{commands}\necho\necho {_MARK}\ndeclare -p\n"
        )
        output = _bash(script, dict(self.more))
        printed, _, variables = output.partition(f"\n{_MARK}\n")
        # Upper-case variables of the commands themselves.
        self._variables = "\n".join(
            line for line in variables.splitlines() if re.match(r"declare -- [A-Z]+=", line)
        )
        return printed


def _bash(script: str, environment: Mapping[str, str], folder: Path | None = None) -> str:
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=os.environ | dict(environment),
        capture_output=True,
        text=True,
        timeout=_LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def _link(path: Path, target: Path) -> None:
    if not path.is_symlink():
        path.symlink_to(target)
