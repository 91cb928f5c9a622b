"""Runs steps and shows their progress: a line for each, with its number and how long it took."""

import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

TICK_S = 1.0


@dataclass(frozen=True)
class Step:
    """A step runs `run`, unless `done` says that it need not be done again."""

    title: str
    run: Callable[[], None]
    done: Callable[[], bool] = lambda: False


def duration(seconds: float) -> str:
    """Return a duration as a person says it: 0.4s, 12s, 5m20s."""
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m{rest:02d}s" if minutes else f"{rest}s"


def run_steps(steps: Sequence[Step]) -> None:
    """Run the steps in their order; the first error ends it and is passed on."""
    width = len(str(len(steps)))
    for number, step in enumerate(steps, start=1):
        label = f"[{number:>{width}}/{len(steps)}] {step.title}"
        if step.done():
            print(f"{label} -- cached", flush=True)
            continue
        start = time.monotonic()
        ticker = _Ticker(label, start)
        try:
            step.run()
        except BaseException:
            ticker.finish(f"failed after {duration(time.monotonic() - start)}")
            raise
        ticker.finish(duration(time.monotonic() - start))


class _Ticker:
    """It shows on a terminal how long a step has been running; elsewhere it completes the line."""

    def __init__(self, label: str, start: float) -> None:
        self._label = label
        self._start = start
        self._live = sys.stdout.isatty()
        self._ended = threading.Event()
        print(f"{label} …", end="", flush=True)
        self._thread = threading.Thread(target=self._tick, daemon=True)
        if self._live:
            self._thread.start()

    def _tick(self) -> None:
        while not self._ended.wait(TICK_S):
            print(f"\r{self._label} … {duration(time.monotonic() - self._start)}", end="", flush=True)

    def finish(self, word: str) -> None:
        self._ended.set()
        if self._live:
            self._thread.join()
            print(f"\r\033[K{self._label} … {word}", flush=True)
        else:
            print(f" {word}", flush=True)
