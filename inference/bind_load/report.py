"""Reports while a load runs: a progress bar on a terminal, JSON lines otherwise."""

from __future__ import annotations

import logging
import sys
import time
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

log = logging.getLogger(__name__)

EVERY_S: Final = 10.0


class Report(Protocol):
    """Hears of the load's course."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def state(self, detail: str) -> None:
        """Hear what is waited for."""
        ...

    def begin(self, todo: int, kept: int) -> None:
        """Hear how many items there are to embed, and how many are known already."""
        ...

    def done(self, failed: bool) -> None:
        """Hear that one more item has its row."""
        ...


class LogReport:
    """One line at each change of state, and every EVERY_S seconds."""

    def __init__(self) -> None:
        self._todo = self._done = self._failed = 0
        self._start = self._told_at = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def state(self, detail: str) -> None:
        """Log what is waited for."""
        log.info("load waits", extra={"detail": detail})

    def begin(self, todo: int, kept: int) -> None:
        """Log how much there is to do."""
        self._todo = todo
        self._start = self._told_at = time.monotonic()
        log.info("load begins", extra={"todo": todo, "known": kept})

    def done(self, failed: bool) -> None:
        """Log how far it is, now and then."""
        self._done += 1
        self._failed += failed
        now = time.monotonic()
        if now - self._told_at >= EVERY_S:
            self._told_at = now
            rate = self._done / max(now - self._start, 1e-9)
            fields = {"done": self._done, "todo": self._todo, "failed": self._failed}
            log.info("load goes on", extra=fields | {"items_per_s": round(rate, 2)})


class BarReport:
    """rich's progress bar on standard error."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        self._failed = 0
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=Console(stderr=True),
        )
        self._task = self._bar.add_task("loading", total=None, note="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def state(self, detail: str) -> None:
        """Show what is waited for."""
        self._bar.update(self._task, description=detail)

    def begin(self, todo: int, kept: int) -> None:
        """Show how much there is to do."""
        note = f"{kept} known already" if kept else ""
        self._bar.reset(self._task, total=todo, description="embedding", note=note)

    def done(self, failed: bool) -> None:
        """Move the bar."""
        self._failed += failed
        self._bar.update(self._task, advance=1)
        if failed:
            self._bar.update(self._task, note=f"{self._failed} failed")


def report_for_here() -> Report:
    """Return the bar on a terminal, log lines elsewhere."""
    return BarReport() if sys.stderr.isatty() else LogReport()
