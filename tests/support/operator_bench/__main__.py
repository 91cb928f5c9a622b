"""`python -m support.operator_bench` measures the operator beside bare Helm and writes its part of the page.

It starts an API server, a controller manager, a scheduler and kwok on loopback, and ends them at the end. The
status is 1 where a figure is not what is asked.
"""

import argparse
import logging
import platform
import signal
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bind_bench.machine import this_machine
from integration.control_plane import running_control_plane
from integration.operator_process import OperatorProcess
from support.operator_bench.bench import BARE_NAMESPACE, NAMESPACE, Bench
from support.operator_bench.figures import Measured, part, replaced, rows

PAGE = Path(__file__).parents[3] / "docs/benchmarks.md"
DEFAULTS = {
    "UNLOCK_AFTER_S": "15",
    "SETTLE_S": "10",
    "RETRY_BASE_S": "5",
    "VERIFY_TIMEOUT_S": "3",
}
"""The tests' operator has quicker settings; these are those that users have."""
QUIET = 1 / 5
"""What the installs leave to do, first checks too, is done where nothing was written for that part of one."""
REST_LIMIT = 1.0
"""So many resyncs at most it is waited for that."""


def main(arguments: list[str]) -> int:
    """Measure, print, and write the page."""
    parser = argparse.ArgumentParser(prog="python -m support.operator_bench", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="20 installed, 30 at rest for 20 s; writes no page"
    )
    parser.add_argument("--installs", type=int, help="resources installed in turn with bare Helm (100)")
    parser.add_argument("--batch", type=int, default=10, help="how many in one turn (10)")
    parser.add_argument("--resources", type=int, help="resources at rest (300)")
    parser.add_argument("--idle-seconds", type=float, help="how long they are watched (one resync)")
    parser.add_argument("--resync-seconds", type=float, help="setting resync_s of the operator (300)")
    parser.add_argument("--reactions", type=int, help="pods that die (100)")
    parser.add_argument("--page", type=Path, help="file to write; unset: docs/benchmarks.md, none if --quick")
    options = parser.parse_args(arguments)
    sizes = (20, 30, 10, 10.0) if options.quick else (100, 300, 100, 300.0)
    given = (options.installs, options.resources, options.reactions, options.resync_seconds)
    installs, resources, reactions, resync_s = (
        default if value is None else value for default, value in zip(sizes, given, strict=True)
    )
    idle_s = idle_seconds(options.idle_seconds, resync_s, is_quick=options.quick)
    # So that what was started is ended, and the volumes' folders removed, where it is stopped from outside.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    console = Console(highlight=False)
    # httpx logs each request at INFO, and pytest is not here to hold it.
    logging.disable(logging.INFO)
    started = time.monotonic()
    more = DEFAULTS | {"RESYNC_S": f"{resync_s:g}"}
    reactions = min(reactions, resources)
    measured = _measure(console, more, installs, options.batch, resources, idle_s, resync_s, reactions)
    minutes = (time.monotonic() - started) / 60
    machine = this_machine()
    given_words = {name: value for name, value in vars(options).items() if name not in ("page", "quick")}
    words = [f"--{name.replace('_', '-')} {value}" for name, value in given_words.items() if value]
    context = [
        ("date", f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"),
        ("machine", f"{machine.model}, {machine.cores} cores, {machine.memory_gib:.0f} GiB"),
        ("operator", f"Python {platform.python_version()}, a resync each {resync_s:g} s"),
        ("command", f"`make bench-operator ARGS='{' '.join(words)}'`, {minutes:.0f} minutes"),
    ]
    table = Table("figure", "measured", "asked", "")
    for row in rows(measured):
        table.add_row(row.name, row.value, row.asked, "" if row.holds else "not reached")
    console.print(table)
    for write in measured.idle.writes[:10]:
        console.print(f"written at rest: {write}")
    page = options.page or (None if options.quick else PAGE)
    if page is not None:
        before = page.read_text(encoding="utf-8") if page.exists() else "# Benchmarks\n"
        page.write_text(replaced(before, part(measured, context)), encoding="utf-8")
        console.print(f"written: {page}")
    return 0 if all(row.holds for row in rows(measured)) else 1


def idle_seconds(given: float | None, resync_s: float, *, is_quick: bool) -> float:
    """Return how long to watch resources at rest: whole resyncs, since each looks at all of them once.

    A part of one may hold all of those looks, or none.
    """
    if given is not None:
        return given
    return 2 * resync_s if is_quick else resync_s


def _measure(
    console: Console,
    settings: dict[str, str],
    installs: int,
    batch: int,
    resources: int,
    idle_s: float,
    resync_s: float,
    reactions: int,
) -> Measured:
    started = time.monotonic()

    def log(text: str) -> None:
        console.print(f"{time.monotonic() - started:6.0f} s  {text}")

    with tempfile.TemporaryDirectory(prefix="bench-operator-") as scratch:
        folder = Path(scratch)
        (folder / "plane").mkdir()
        with running_control_plane(folder / "plane", nodes=2) as plane:
            log("the control plane is up")
            for namespace in (NAMESPACE, BARE_NAMESPACE):
                plane.server.kubectl("create", "namespace", namespace)
            operator = OperatorProcess(plane.operator_kubeconfig, folder, settings)
            operator.start()
            try:
                bench = Bench(plane, operator, folder, log)
                bench.install(1)  # Its start is not an install's cost.
                bench.install_bare(1)
                batches = [bench.batch(batch) for _ in range(max(1, installs // batch))]
                for one in batches:
                    seconds = f"{one.operator_s:.2f} s by {one.helm_s:.2f} s = {one.ratio:.2f}"
                    log(f"{one.resources} installed: {seconds}")
                if resources > len(bench.names):
                    bench.install(resources - len(bench.names))
                if not bench.rest(QUIET * resync_s, REST_LIMIT * resync_s):
                    log(f"there were writes all the time, for {REST_LIMIT * resync_s:g} s")
                idle = bench.idle(idle_s)
                log(f"at rest: {idle.percent:.2f} % of a core, {idle.rss_mib:.0f} MiB")
                return Measured(batches, idle, bench.reactions(reactions))
            finally:
                operator.stop()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
