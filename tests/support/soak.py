"""`python -m support.soak` runs the chaos test in full, with targets for memory and /meta.

The status is 1 when a good item is wrong, a request gets a 5xx, memory grows, or /meta is slow.
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
from support.chaos import BAD_EVERY, CLIENTS, Tally, run_chaos
from support.samples import Expected, tiny_engine
from support.server import server

if TYPE_CHECKING:
    from collections.abc import Sequence

REQUESTS = 10_000
WARM_UP_SHARE = 0.2
WINDOW_SHARE = 0.1
"""MemorySamples is compared as medians: of the tenth after warming up, and of the last tenth."""

DRIFT_MOST = 0.05
_SAMPLE_S = 0.25
_MIB = 1024 * 1024


@dataclass
class MemorySamples:
    """Resident MiB of server and children. done: the number of requests that were done by then."""

    done: list[int] = field(default_factory=list)
    mib: list[float] = field(default_factory=list)

    def between(self, first: float, last: float) -> list[float]:
        """Return the samples taken between two numbers of requests."""
        return [mib for done, mib in zip(self.done, self.mib, strict=True) if first <= done <= last]


@dataclass(frozen=True)
class SoakFigure:
    """A figure of the soak, its target, and whether it is reached."""

    name: str
    measured: str
    asked: str
    reached: bool


def build_figures(requests: int, tally: Tally, memory: MemorySamples, probe: Probe) -> list[SoakFigure]:
    """Return every figure beside its target."""
    before = memory.between(WARM_UP_SHARE * requests, (WARM_UP_SHARE + WINDOW_SHARE) * requests)
    after = memory.between((1 - WINDOW_SHARE) * requests, requests)
    if not before or not after:
        raise ValueError(f"{requests} requests are too few to see memory: take 2000 or more")
    growth = drift(before, after)
    p99 = percentile(probe.milliseconds, 0.99)
    errors = sum(count for status, count in tally.statuses.items() if status >= 500)
    slow, odd = p99 > META_MS, [status for status in probe.statuses if status != 200]
    sizes = f"{statistics.median(before):.0f} -> {statistics.median(after):.0f} MiB, {growth:+.1%}"
    refused = requests // BAD_EVERY
    return [
        SoakFigure("requests", f"{tally.done}", f"{requests}", tally.done == requests),
        SoakFigure("good items, all right", f"{tally.good_items}", "> 0", tally.good_items > 0),
        SoakFigure("faults", f"{len(tally.faults)}", "0", not tally.faults),
        SoakFigure("bad requests refused", f"{tally.refused}", f"{refused}", tally.refused == refused),
        SoakFigure("clients that hung up", f"{tally.hung_up}", "> 0", tally.hung_up > 0),
        SoakFigure("answers of 5xx", f"{errors}", "0", errors == 0),
        SoakFigure("RSS, warmed up -> end", sizes, f"<= +{DRIFT_MOST:.0%}", growth <= DRIFT_MOST),
        SoakFigure("/meta p99", f"{p99:.1f} ms of {len(probe.statuses)}", f"<= {META_MS:.0f} ms", not slow),
        SoakFigure("/meta other than 200", f"{len(odd)}", "0", not odd and bool(probe.statuses)),
    ]


async def soak(
    url: str, port: int, pid: int, requests: int, seed: int, progress: Progress
) -> tuple[Tally, MemorySamples, Probe]:
    """Send the requests and watch the server meanwhile."""
    memory, latest = MemorySamples(), Tally()
    task = progress.add_task("requests", total=requests)

    def report(tally: Tally) -> None:
        nonlocal latest
        latest = tally
        progress.update(task, completed=tally.done)

    async def watch() -> None:
        while True:
            memory.done.append(latest.done)
            memory.mib.append(usage_of(pid).rss_bytes / _MIB)
            await asyncio.sleep(_SAMPLE_S)

    expected = Expected(tiny_engine())
    with probing("127.0.0.1", port) as probe:
        watcher = asyncio.create_task(watch())
        tally = await run_chaos(url, expected, requests, seed=seed, progress=report)
        watcher.cancel()
    return tally, memory, probe


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
    figures = build_figures(args.requests, *found)
    figures.append(
        SoakFigure(
            "the server lives, errors in its log", f"{alive}, {len(errors)}", "True, 0", alive and not errors
        )
    )
    table = Table("figure", "measured", "asked", "", title=f"soak, {time.monotonic() - started:.0f} s")
    for figure in figures:
        table.add_row(figure.name, figure.measured, figure.asked, "ok" if figure.reached else "MISSED")
    console.print(table)
    for line in [*found[0].faults[:20], *(f"log: {event['message']}" for event in errors[:20])]:
        console.print(f"fault: {line}", markup=False)
    return 0 if all(figure.reached for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
