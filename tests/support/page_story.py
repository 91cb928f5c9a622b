"""A page's commands are run as they stand there, and its pieces of a manifest are applied."""

import os
import re
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

COMMAND_S = 120


@dataclass(frozen=True)
class Page:
    """It is one page of docs/, with what a reader puts in the place of the page's examples."""

    path: Path
    examples: Mapping[str, str]
    """What is replaced in all that is taken from the page."""

    def text(self, heading: str) -> str:
        """Return a section, by its heading."""
        whole = self.path.read_text(encoding="utf-8")
        found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", whole, re.MULTILINE | re.DOTALL)
        assert found, heading
        return found[1]

    def commands(self, heading: str) -> list[str]:
        """Return the lines of a section's shell blocks, without those that say nothing."""
        return [line for block in self._blocks(heading, "sh") for line in block.splitlines() if line.strip()]

    def inline_commands(self) -> list[str]:
        """Return the whole commands that stand within sentences and tables."""
        return [self._filled(one) for one in re.findall(r"`(kubectl [^`…]+)`", self.path.read_text("utf-8"))]

    def manifests(self, heading: str) -> list[dict[str, Any]]:
        """Return a section's pieces of manifests."""
        return [yaml.safe_load(block) for block in self._blocks(heading, "yaml")]

    def _blocks(self, heading: str, language: str) -> list[str]:
        found = re.findall(rf"^```{language}\n(.*?)^```", self.text(heading), re.MULTILINE | re.DOTALL)
        return [self._filled(block) for block in found]

    def _filled(self, text: str) -> str:
        for example, mine in self.examples.items():
            text = re.sub(rf"(?<![\w-]){re.escape(example)}(?![\w-])", mine, text)
        return text


@dataclass(frozen=True)
class Shell:
    """It is a reader's shell: kubectl is on its path, and its context has one namespace."""

    kubectl: Path
    kubeconfig: Path

    @classmethod
    def at(cls, kubectl: str, kubeconfig: Path, namespace: str, folder: Path) -> "Shell":
        """Return one with a copy of the kubeconfig in `folder`."""
        copy = folder / "kubeconfig"
        copy.write_bytes(kubeconfig.read_bytes())
        copy.chmod(0o600)
        shell = cls(Path(kubectl), copy)
        shell.run(f"kubectl config set-context --current --namespace={shlex.quote(namespace)}")
        return shell

    def run(self, command: str) -> str:
        """Run one line as a shell does, and return what it prints."""
        path = f"{self.kubectl.parent}:{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-euc", command],
            env=os.environ | {"PATH": path, "KUBECONFIG": str(self.kubeconfig)},
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_S,
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout
