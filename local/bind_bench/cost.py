"""Measures the server's own cost: CPU time of a text request with Tiny, whose model is next to nothing."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from bind_bench.servers.process import LaunchConfig, running
from bind_bench.workload.clients import measure
from bind_bench.workload.scenarios import MANY, Scenario

if TYPE_CHECKING:
    from pathlib import Path

WARM_UP = Scenario("text", MANY, 1, requests=500)
WINDOW = Scenario("text", MANY, 1, requests=2000)


def cost_ms(launch: LaunchConfig, media: Path, windows: int) -> list[float]:
    """Return CPU milliseconds of server and children per request, for each window of 2,000 distinct texts."""
    found = []
    numbers = count()
    with running(launch) as server:
        measure(WARM_UP, server.port, numbers, media, 0)
        for _ in range(windows):
            before = server.usage().cpu_s
            sample = measure(WINDOW, server.port, numbers, media, 0)
            found.append(1000 * (server.usage().cpu_s - before) / len(sample.milliseconds))
    return found
