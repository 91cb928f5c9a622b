"""A program of the control plane, which a test may kill and start again."""

import contextlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from support.processes import die_with_parent

STOP_LIMIT_S = 2.0
"""An API server that is asked to end would wait for its clients' watches."""


@dataclass
class ServerProcess:
    """One program with its arguments; its log is in `folder`, and each start goes on in it."""

    command: list[str]
    folder: Path
    _process: subprocess.Popen[bytes] | None = None

    @property
    def log_file(self) -> Path:
        """What it prints goes there."""
        return self.folder / f"{Path(self.command[0]).name}.log"

    def start(self) -> None:
        """Start it; it does not wait for anything."""
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(self.command, stdout=log, stderr=log, preexec_fn=die_with_parent)

    def stop(self) -> None:
        """Ask it to end, and kill it where that takes long."""
        if self._process is None:
            return
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=STOP_LIMIT_S)
        self.kill()

    def kill(self) -> None:
        """Kill it, as a machine that fails does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Let it run until the block ends."""
        self.start()
        try:
            yield
        finally:
            self.stop()
