"""`python -m bind_bench.workload.probe HOST PORT PATH EVERY_S` times a server while others load it.

It is its own process, so that a busy client's event loop is not taken for a slow server. It asks until its
standard input ends, then prints JSON: [[status or 0, milliseconds], …].
"""

from __future__ import annotations

import http.client
import json
import select
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

TIMEOUT_S = 60.0


@dataclass
class Probe:
    """The responses of one run, filled in when it has ended: statuses (0: none came) and milliseconds."""

    statuses: list[int] = field(default_factory=list)
    milliseconds: list[float] = field(default_factory=list)


@contextmanager
def probing(host: str, port: int, path: str = "/meta", every_s: float = 0.05) -> Iterator[Probe]:
    """Ask for `path` all through the block."""
    probe = Probe()
    command = [sys.executable, "-m", "bind_bench.workload.probe", host, str(port), path, str(every_s)]
    local = str(Path(__file__).parents[2])
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={"PYTHONPATH": local}, text=True
    ) as process:
        try:
            yield probe
        finally:
            out, _ = process.communicate()
        for status, ms in json.loads(out):
            probe.statuses.append(status)
            probe.milliseconds.append(ms)


def ask_until_stdin_ends(host: str, port: int, path: str, every_s: float) -> list[tuple[int, float]]:
    """Return (status, milliseconds) of each request; one connection, opened anew after an error."""
    answers: list[tuple[int, float]] = []
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    while not select.select([sys.stdin], [], [], every_s)[0]:
        started = time.perf_counter()
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            response.read()
            status = response.status
        except (OSError, http.client.HTTPException):
            connection.close()
            status = 0
        answers.append((status, 1000 * (time.perf_counter() - started)))
    return answers


if __name__ == "__main__":
    host, port, path, every_s = sys.argv[1:]
    print(json.dumps(ask_until_stdin_ends(host, int(port), path, float(every_s))))
