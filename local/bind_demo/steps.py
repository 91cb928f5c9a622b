"""Progress: one line for each step, with its time."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console


@contextmanager
def step(console: Console, done: str) -> Iterator[None]:
    """Show that a step runs, and print `done` with its seconds when the block ends without an error."""
    started = time.monotonic()
    with console.status(f"{done} …"):
        yield
    console.print(f"[bold]ok[/bold] {done} ({time.monotonic() - started:.1f} s)", highlight=False)
