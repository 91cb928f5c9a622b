"""The commands of a page of docs/how-to are run as they stand there, so that page and test cannot differ."""

import os
import re
import subprocess
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"^( *)```(\w+)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_MARK = "and-its-status-is"


def blocks(page: str, language: str = "sh", under: str = "") -> list[str]:
    """Return the code of a language on a page of docs/how-to, in its order.

    under: only below this heading, up to the next one.
    """
    text = (ROOT / "docs/how-to" / page).read_text(encoding="utf-8")
    if under:
        text = re.split(rf"^##+ {re.escape(under)}\n", text, flags=re.MULTILINE)[1]
        text = re.split(r"^##+ ", text, flags=re.MULTILINE)[0]
    found = [textwrap.dedent(code) for _, name, code in _FENCE.findall(text) if name == language]
    assert found, f"{page} has no {language} under {under!r}"
    return found


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
        done = subprocess.run(
            ["bash", "-c", script],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            env=os.environ | dict(self.more),
        )
        assert done.returncode == 0, f"{commands}\n{done.stdout}{done.stderr}"
        printed, _, variables = done.stdout.partition(f"\n{_MARK}\n")
        # Upper-case variables of the commands themselves.
        self._variables = "\n".join(
            line for line in variables.splitlines() if re.match(r"declare -- [A-Z]+=", line)
        )
        return printed
