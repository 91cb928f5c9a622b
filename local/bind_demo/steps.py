"""Shows progress: a line for each step, with its time."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console


@contextmanager
def step(console: Console, what: str) -> Iterator[None]:
    """Print `what` and then how long it took; after an error the first line stands and names the step."""
    started = time.monotonic()
    if console.is_terminal:
        with console.status(what):
            yield
    else:
        console.print(f"{what} …", highlight=False)
        yield
    console.print(f"ok: {what} ({time.monotonic() - started:.1f} s)", highlight=False)
