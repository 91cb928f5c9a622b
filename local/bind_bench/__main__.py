"""`python -m bind_bench`: the benchmark, its table, and docs/benchmarks.md."""

from __future__ import annotations

import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError
from rich.console import Console

from bind_bench import ours, peer
from bind_bench.cost import cost_ms
from bind_bench.errors import BenchError
from bind_bench.machine import our_versions, this_machine
from bind_bench.page import Circumstances, cut, render
from bind_bench.report import print_report
from bind_bench.run import run
from bind_bench.scenarios import Scenario, full, only, quick
from bind_bench.settings import Settings, load_settings, words
from bind_local.settings import Settings as LocalSettings

COST_WINDOWS = 3


def main(arguments: list[str]) -> int:
    """Return the exit status: 0 once everything was measured, whether the bars are reached or not."""
    try:
        settings = load_settings(arguments)
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
    started, load = time.monotonic(), os.getloadavg()[0]

    def say(line: str) -> None:
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
        say("no PEER was given: ours runs alone, there will be no ratios")
    checkpoint = bench / "seeded.pth"
    say("the weights: 4.8 GB, made once")
    ours.ensure_checkpoint(checkpoint)
    recipes = [ours.recipe(bench, checkpoint, precision) for precision in precisions]
    peer_versions, relaxed = "", tuple[str, ...]()
    if checkout:
        say("the peer's environment, made once")
        home = peer.prepare(checkout, bench)
        peer_versions, relaxed = peer.versions(home), home.relaxed
        recipes.insert(0, peer.recipe(checkout, home, bench, checkpoint))
    results = run(recipes, scenarios, bench / "media", say)
    say("the server's own cost, with Tiny")
    results.cost_ms = cost_ms(ours.tiny(bench), bench / "media", COST_WINDOWS)
    facts = Circumstances(
        date=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", machine=machine, load_before=load,
        our_versions=our_versions(), peer_versions=peer_versions, relaxed=relaxed,
        command=command_of(settings),
        minutes=(time.monotonic() - started) / 60,
    )  # fmt: skip
    settings.page.parent.mkdir(parents=True, exist_ok=True)
    settings.page.write_text(render(results, facts, previous))
    print_report(console, results)
    say(f"written: {settings.page}")


def choose_scenarios(settings: Settings) -> list[Scenario]:
    """Return the rows of this run. Raises BenchError if --only names none."""
    if settings.quick:
        rows = quick(settings.rounds or 2, settings.seconds or 4)
    else:
        rows = full(settings.rounds or 5, settings.seconds or 8)
    chosen = only(rows, words(settings.only))
    if not chosen:
        raise BenchError(
            f"--only {settings.only} names no row", "choose of " + ", ".join(s.name for s in rows)
        )
    return chosen


def choose_precisions(settings: Settings) -> list[str]:
    """Return the precisions of ours. Raises BenchError for one that the server does not have."""
    there = ours.precisions()
    wanted = words(settings.precisions) or list(there)
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
