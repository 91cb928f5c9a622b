"""`python -m support.operator_faults` lets each fault last, and kills the operator at many moments.

It starts an API server, a controller manager, a scheduler and kwok on loopback, and ends them at the end. The
status is 1 where a story did not converge, or where something was done that must never be.
"""

import argparse
import logging
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table

from integration.control_plane import running_control_plane
from support.operator_faults.faults import FAULTS, Fault
from support.operator_faults.story import Story
from support.operator_faults.world import World, running_world

KILLS = 50
KILLED = "operator-killed"


def main(arguments: list[str]) -> int:
    """Let the faults come one after the other, and say how each went."""
    names = [fault.name for fault in FAULTS]
    parser = argparse.ArgumentParser(prog="python -m support.operator_faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=7, help="another one takes other moments (7)")
    parser.add_argument("--kills", type=int, default=KILLS, help="so often the operator is killed (50)")
    parser.add_argument("--only", choices=names, action="append", help="one fault; may be given again")
    parser.add_argument("--quick", action="store_true", help="each fault lasts for seconds, and three kills")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    logging.disable(logging.INFO)
    console = Console(highlight=False)
    started = time.monotonic()

    def log(text: str) -> None:
        console.print(f"{time.monotonic() - started:6.0f} s  {text}", markup=False)

    chosen = [fault for fault in FAULTS if not options.only or fault.name in options.only]
    kills = 3 if options.quick else options.kills
    table = Table("fault", "stories", "converged after", "faults")
    wrong: list[str] = []
    with tempfile.TemporaryDirectory(prefix="soak-operator-") as scratch:
        folder = Path(scratch)
        for part in ("plane", "world"):
            (folder / part).mkdir()
        with (
            running_control_plane(folder / "plane") as plane,
            running_world(plane, folder / "world") as world,
        ):
            log("the control plane is up")
            for fault in chosen:
                stories = kills if fault.name == KILLED else 1
                took, said = _repeat(world, fault, stories, options.quick, options.seed, log)
                slowest = f"{max(took):.1f} s" if took else "-"
                table.add_row(fault.name, str(stories), slowest, str(len(said)))
                wrong += [f"{fault.name}: {line}" for line in said]
    console.print(table)
    for line in wrong:
        console.print(line, markup=False)
    return 1 if wrong else 0


def _repeat(
    world: World, fault: Fault, stories: int, quick: bool, seed: int, log: Callable[[str], None]
) -> tuple[list[float], list[str]]:
    """Return after how many seconds each story converged, and what was wrong."""
    took: list[float] = []
    wrong: list[str] = []
    story: Story | None = None
    for number in range(stories):
        said: list[str] = []
        try:
            if story is None or not story.is_settled:
                chance = random.Random(f"{seed} {fault.name} {number}")
                story = Story(world, f"{fault.name}-{number}", chance, has_rollbacks=fault.name == KILLED)
                story.begin()
            said = story.meet(fault, fault.short_s if quick else fault.long_s)
            took.append(story.settled_s)
            log(f"{fault.says}: {'; '.join(said) or f'all converged after {took[-1]:.1f} s'}")
        except pytest.fail.Exception as error:
            said = [str(error)]
            log(f"{fault.says}: {error}")
        wrong += [f"story {number}: {one}" for one in said]
    if story is not None:
        story.end()
    return took, wrong


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
