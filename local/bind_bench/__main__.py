"""`python -m bind_bench` runs the benchmark, prints its table and writes docs/benchmarks.md."""

from __future__ import annotations

import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError
from rich.console import Console

from bind_bench.bandwidth import read_gb_per_s
from bind_bench.cost import cost_ms
from bind_bench.errors import BenchError
from bind_bench.figures.page import RunContext, cut, render
from bind_bench.figures.report import print_report
from bind_bench.machine import our_versions, this_machine
from bind_bench.run import run
from bind_bench.servers import ours, peer
from bind_bench.settings import Settings, parse_settings, split_list
from bind_bench.workload.scenarios import Scenario, full, only, quick
from bind_local.paths import Paths
from bind_local.settings import Settings as LocalSettings

COST_WINDOWS = 3


def main(arguments: list[str]) -> int:
    """Return the exit status: 0 once everything was measured, whether the targets are reached or not."""
    try:
        settings = parse_settings(arguments)
        bench = LocalSettings().cache_folder() / "bench"
    except ValidationError as error:
        for problem in error.errors():
            print(f"error: --{'.'.join(map(str, problem['loc']))}: {problem['msg']}", file=sys.stderr)
        return 2
    try:
        bench_all(settings, bench, Console(width=None if sys.stdout.isatty() else 150, highlight=False))
    except BenchError as error:
        print(f"error: {error}\nto do: {error.remedy}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted; the servers are ended, the page is as it was", file=sys.stderr)
        return 130
    return 0


def bench_all(settings: Settings, bench: Path, console: Console) -> None:
    """Prepare, run, report, write the page. Raises BenchError."""
    started, load_average = time.monotonic(), os.getloadavg()[0]

    def log(line: str) -> None:
        console.print(f"[{time.monotonic() - started:6.0f} s] {line}", markup=False)

    machine = this_machine()
    previous = settings.page.read_text() if settings.page.exists() else ""
    cut(previous, machine)  # refused now, and not after the 40 minutes that a run takes
    scenarios = choose_scenarios(settings)
    precisions = choose_precisions(settings)
    checkout = Path(settings.peer).resolve() if settings.peer else None
    if checkout:
        peer.check(checkout)
    else:
        log("no PEER was given: ours runs alone, there will be no ratios")
    checkpoint = bench / "seeded.pth"
    log("the weights: 4.8 GB, made once")
    ours.ensure_checkpoint(checkpoint)
    launches = [ours.launch_config(bench, checkpoint, precision) for precision in precisions]
    peer_versions, relaxed = "", tuple[str, ...]()
    if checkout:
        log("the peer's environment, made once")
        home = peer.prepare(checkout, bench)
        peer_versions, relaxed = peer.versions(home), home.relaxed
        launches.insert(0, peer.launch_config(checkout, home, bench, checkpoint))
    log("how fast memory is read")
    read = read_gb_per_s()
    results = run(launches, scenarios, bench / "media", log, Paths(bench.parent))
    results.read_gb_per_s = read
    log("the server's own cost, with Tiny")
    results.cost_ms = cost_ms(ours.tiny_launch_config(bench), bench / "media", COST_WINDOWS)
    context = RunContext(
        date=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", machine=machine, load_average=load_average,
        our_versions=our_versions(), peer_versions=peer_versions, relaxed=relaxed,
        command=command_of(settings),
        minutes=(time.monotonic() - started) / 60,
    )  # fmt: skip
    settings.page.parent.mkdir(parents=True, exist_ok=True)
    settings.page.write_text(render(results, context, previous))
    print_report(console, results)
    log(f"written: {settings.page}")


def choose_scenarios(settings: Settings) -> list[Scenario]:
    """Return the scenarios of this run. Raises BenchError if --only names none."""
    if settings.quick:
        there = quick(settings.rounds or 2, settings.seconds or 4)
    else:
        there = full(settings.rounds or 5, settings.seconds or 8)
    chosen = only(there, split_list(settings.only))
    if not chosen:
        raise BenchError(
            f"--only {settings.only} names no scenario", "choose of " + ", ".join(s.name for s in there)
        )
    return chosen


def choose_precisions(settings: Settings) -> list[str]:
    """Return the precisions of ours. Raises BenchError for one that the server does not have."""
    there = ours.precisions()
    wanted = split_list(settings.precisions) or list(there)
    if unknown := [name for name in wanted if name not in there]:
        raise BenchError(f"the server has no precision {', '.join(unknown)}", f"choose of {', '.join(there)}")
    return wanted


def command_of(settings: Settings) -> str:
    """Return the command that repeats the run, without paths of this machine."""
    words = ["make bench-inference"]
    words += ["PEER=<checkout>"] if settings.peer else []
    words += ["QUICK=1"] if settings.quick else []
    options = [
        f"--{name} {value}"
        for name in ("rounds", "seconds", "only", "precisions")
        if (value := getattr(settings, name)) not in (None, "")
    ]
    return " ".join([*words, *([f"ARGS='{' '.join(options)}'"] if options else [])])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
