"""`python -m support.soak`: the chaos test in full, with bars on memory and /meta.

The status is 1 when a good item is wrong, a request gets a 5xx, memory grows, or /meta lingers.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from bind_bench.figures.stats import drift, percentile
from bind_bench.figures.targets import META_MS
from bind_bench.servers.usage import usage_of
from bind_bench.workload.probe import Probe, probing
from support.chaos import BAD_EVERY, CLIENTS, Outcome, run_chaos
from support.samples import Expected, tiny_engine
from support.server import server

if TYPE_CHECKING:
    from collections.abc import Sequence

REQUESTS = 10_000
WARM_UP_SHARE = 0.2
WINDOW_SHARE = 0.1
"""Memory is compared as medians: of the tenth after warming up, and of the last tenth."""

DRIFT_MOST = 0.05
_SAMPLE_S = 0.25
_MIB = 1024 * 1024


@dataclass
class Memory:
    """Resident MiB of server and children, each with the number of requests that were done by then."""

    done: list[int] = field(default_factory=list)
    mib: list[float] = field(default_factory=list)

    def between(self, first: float, last: float) -> list[float]:
        """Return the samples taken between two numbers of requests."""
        return [mib for done, mib in zip(self.done, self.mib, strict=True) if first <= done <= last]


@dataclass(frozen=True)
class Row:
    """A figure of the soak, what is asked of it, and whether that is so."""

    figure: str
    measured: str
    asked: str
    reached: bool


def judge(requests: int, outcome: Outcome, memory: Memory, probe: Probe) -> list[Row]:
    """Return every figure beside its bar."""
    before = memory.between(WARM_UP_SHARE * requests, (WARM_UP_SHARE + WINDOW_SHARE) * requests)
    after = memory.between((1 - WINDOW_SHARE) * requests, requests)
    if not before or not after:
        raise ValueError(f"{requests} requests are too few to see memory: take 2000 or more")
    growth = drift(before, after)
    p99 = percentile(probe.milliseconds, 0.99)
    errors = sum(count for status, count in outcome.statuses.items() if status >= 500)
    slow, odd = p99 > META_MS, [status for status in probe.statuses if status != 200]
    sizes = f"{statistics.median(before):.0f} -> {statistics.median(after):.0f} MiB, {growth:+.1%}"
    refused = requests // BAD_EVERY
    return [
        Row("requests", f"{outcome.done}", f"{requests}", outcome.done == requests),
        Row("good items, all right", f"{outcome.good_items}", "> 0", outcome.good_items > 0),
        Row("faults", f"{len(outcome.faults)}", "0", not outcome.faults),
        Row("bad requests refused", f"{outcome.refused}", f"{refused}", outcome.refused == refused),
        Row("clients that hung up", f"{outcome.hung_up}", "> 0", outcome.hung_up > 0),
        Row("answers of 5xx", f"{errors}", "0", errors == 0),
        Row("RSS, warmed up -> end", sizes, f"<= +{DRIFT_MOST:.0%}", growth <= DRIFT_MOST),
        Row("/meta p99", f"{p99:.1f} ms of {len(probe.statuses)}", f"<= {META_MS:.0f} ms", not slow),
        Row("/meta other than 200", f"{len(odd)}", "0", not odd and bool(probe.statuses)),
    ]


async def soak(
    url: str, port: int, pid: int, requests: int, seed: int, progress: Progress
) -> tuple[Outcome, Memory, Probe]:
    """Send the requests and watch the server meanwhile."""
    memory, latest = Memory(), Outcome()
    bar = progress.add_task("requests", total=requests)

    def told(outcome: Outcome) -> None:
        nonlocal latest
        latest = outcome
        progress.update(bar, completed=outcome.done)

    async def watch() -> None:
        while True:
            memory.done.append(latest.done)
            memory.mib.append(usage_of(pid).rss_bytes / _MIB)
            await asyncio.sleep(_SAMPLE_S)

    expected = Expected(tiny_engine())
    with probing("127.0.0.1", port) as probe:
        watcher = asyncio.create_task(watch())
        outcome = await run_chaos(url, expected, requests, seed=seed, progress=told)
        watcher.cancel()
    return outcome, memory, probe


def main(arguments: Sequence[str]) -> int:
    """Return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m support.soak", description=__doc__)
    parser.add_argument("--requests", type=int, default=REQUESTS, help="2000 or more; unset: 10000")
    parser.add_argument(
        "--seed", type=int, default=7, help="another one asks for other items in another order"
    )
    args = parser.parse_args(arguments)
    if args.requests < 2000:
        parser.error("--requests: 2000 or more, since with fewer memory is still warming up")
    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    started = time.monotonic()
    with (
        tempfile.TemporaryDirectory() as folder,
        server(Path(folder)) as running,
        Progress(*columns, console=console) as progress,
    ):
        console.print(
            f"Tiny on {running.url}; {args.requests} requests from {CLIENTS} clients, seed {args.seed}"
        )
        pid = running.process.pid
        found = asyncio.run(soak(running.url, running.port, pid, args.requests, args.seed, progress))
        alive = running.process.poll() is None
        errors = [event for event in running.events() if event["level"] == "ERROR"]
    rows = judge(args.requests, *found)
    rows.append(
        Row("the server lives, errors in its log", f"{alive}, {len(errors)}", "True, 0", alive and not errors)
    )
    table = Table("figure", "measured", "asked", "", title=f"soak, {time.monotonic() - started:.0f} s")
    for row in rows:
        table.add_row(row.figure, row.measured, row.asked, "ok" if row.reached else "MISSED")
    console.print(table)
    for line in [*found[0].faults[:20], *(f"log: {event['message']}" for event in errors[:20])]:
        console.print(f"fault: {line}", markup=False)
    return 0 if all(row.reached for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
