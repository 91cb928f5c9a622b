"""Runs kubectl and Helm by argument lists, against one cluster."""

import json
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bind_demo.errors import DemoError


@dataclass(frozen=True)
class Kube:
    """A cluster and the programs that reach it. context: None means the kubeconfig's current one."""

    kubectl: str
    helm: str
    kubeconfig: Path | None
    context: str | None = None

    @property
    def is_local(self) -> bool:
        """Say whether this is the local cluster, which only this checkout uses."""
        return self.kubeconfig is not None

    def kubectl_args(self, *args: str) -> list[str]:
        """Return the full command line of a kubectl call."""
        return [self.kubectl, *self._flags("--context"), *args]

    def helm_args(self, *args: str) -> list[str]:
        """Return the full command line of a Helm call."""
        return [self.helm, *self._flags("--kube-context"), *args]

    def run(self, *args: str, stdin: str | None = None) -> str:
        """Run kubectl and return its output. Raises DemoError with what kubectl printed."""
        done = subprocess.run(
            self.kubectl_args(*args), input=stdin, capture_output=True, text=True, check=False, timeout=120
        )
        if done.returncode != 0:
            raise DemoError(
                f"kubectl {' '.join(args)} failed: {done.stderr.strip()}",
                f"see whether the cluster answers: {' '.join(self.kubectl_args('get', 'nodes'))}",
            )
        return done.stdout

    def get(self, *args: str) -> dict[str, Any]:
        """Return `kubectl get … -o json`, or {} when there is no such object."""
        out = self.run("get", *args, "--ignore-not-found", "-o", "json")
        return dict(json.loads(out)) if out.strip() else {}

    @contextmanager
    def forward(self, namespace: str, target: str, port: int) -> Iterator[int]:
        """Yield a free local port that leads to `port` of `target` (svc/name), while the block runs."""
        command = self.kubectl_args("port-forward", "-n", namespace, target, f":{port}")
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as running:
            try:
                yield _forwarded_port(running, target)
            finally:
                running.terminate()

    def _flags(self, context_flag: str) -> Sequence[str]:
        flags = [] if self.kubeconfig is None else ["--kubeconfig", str(self.kubeconfig)]
        return flags if self.context is None else [*flags, context_flag, self.context]


def _forwarded_port(process: subprocess.Popen[str], target: str) -> int:
    first = process.stdout.readline() if process.stdout else ""
    port = re.search(r"127\.0\.0\.1:(\d+) ->", first)
    if port is None:
        what = f"kubectl port-forward to {target} failed: {first.strip()}"
        raise DemoError(what, "see whether its pod is ready")
    return int(port.group(1))
