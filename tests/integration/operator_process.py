"""The operator runs as a process of its own, as in its image, against the API server of the tests."""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from support.ports import free_ports
from support.processes import die_with_parent
from support.tools import binary

ROOT = Path(__file__).parents[2]
CHART = os.environ.get("BIND_OPERATOR_CHART_DIR", str(ROOT / "charts/weaviate-bind"))


@dataclass
class OperatorProcess:
    """Starts, stops and kills one operator. Its settings are fast ones, which `more` overrides."""

    kubeconfig: Path
    folder: Path
    more: dict[str, str] = field(default_factory=dict)
    name: str = "operator"
    environment: dict[str, str] = field(default_factory=dict)
    """More variables, beside those of the settings."""
    prefix: tuple[str, ...] = ()
    """A program that becomes the operator, with its arguments before those of the operator."""
    _process: subprocess.Popen[bytes] | None = None
    _metrics_port: int = 0

    @property
    def log_file(self) -> Path:
        """All its runs write here."""
        return self.folder / f"{self.name}.log"

    @property
    def is_running(self) -> bool:
        """Say whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process id of the running operator."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it; it does not wait for anything."""
        health_port, self._metrics_port = free_ports(2)
        settings = {
            "KUBECONFIG": str(self.kubeconfig),
            "HELM": str(binary("helm")),
            "CHART_DIR": CHART,
            "HEALTH_PORT": str(health_port),
            "METRICS_PORT": str(self._metrics_port),
            "UNLOCK_AFTER_S": "1",
            "SETTLE_S": "1",
            "RETRY_BASE_S": "0.2",
            "RESYNC_S": "3600",
            "VERIFY_TIMEOUT_S": "1",
            "LEASE_DURATION_S": "6",
            # Nothing makes nodes here.
            "NODE_WAIT_S": "0",
            "PROFILES_INTERVAL_S": "0.2",
        }
        environment = os.environ | {"PYTHONPATH": str(ROOT / "operator")}
        environment |= {f"BIND_OPERATOR_{name}": value for name, value in (settings | self.more).items()}
        environment |= self.environment | {"POD_NAME": self.name}
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [*self.prefix, sys.executable, "-m", "bind_operator", "run"],
                env=environment,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent,
            )

    def kill(self) -> None:
        """Kill it as the kernel would for want of memory."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Ask it to stop and return its exit status."""
        return self._end(signal.SIGTERM)

    def freeze(self) -> None:
        """Stop it as a starved machine would: its children go on."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        os.kill(self.pid, signal.SIGCONT)

    def log(self) -> str:
        """Return what all its runs have logged."""
        return self.log_file.read_text(encoding="utf-8") if self.log_file.exists() else ""

    def metric(self, name: str, /, **labels: str) -> float:
        """Return the sum of a metric over its labels, of which some may be given."""
        text = httpx.get(f"http://127.0.0.1:{self._metrics_port}/metrics").raise_for_status().text
        samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
        return sum(
            sample.value
            for sample in samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def _end(self, number: signal.Signals) -> int:
        if self._process is None:
            return 0
        self._process.send_signal(number)
        status = self._process.wait(timeout=40)
        self._process = None
        return status
