"""Run `python -m bind_inference convert`, and report how far it is."""

from __future__ import annotations

import logging
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from bind_inference.convert.settings import CONVERT_PROGRAM, ConvertSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import rich.progress

    from bind_inference.weights.progress import Progress, Stage

EVERY_S: Final = 10.0

log = logging.getLogger(__name__)


def run_convert(settings: ConvertSettings) -> int:
    """Make the file and print its path; return the exit status."""
    # torch takes a second or two to import
    from bind_inference.weights.errors import WeightsError
    from bind_inference.weights.reading import convert_weights, named_source

    source = named_source(settings.weights_path, settings.weights_url, settings.weights_sha256)
    try:
        with _progress() as progress:
            file = convert_weights(settings.model, source, settings.output, progress)
    except WeightsError as error:
        sys.stderr.write(f"{CONVERT_PROGRAM}: {error}\n")
        return 1
    sys.stdout.write(f"{file}\n")
    return 0


@contextmanager
def _progress() -> Iterator[Callable[[Progress], None]]:
    """Yield what is called at each step: it moves a bar on a terminal if rich is there, else it logs."""
    if sys.stderr.isatty():
        try:
            from rich import progress as rich
            from rich.console import Console
        except ModuleNotFoundError:
            pass  # it comes with the extra `load`
        else:
            columns = (rich.BarColumn(), rich.DownloadColumn(), rich.TimeElapsedColumn())
            with rich.Progress("{task.description:8}", *columns, console=Console(stderr=True)) as bars:
                yield _Bars(bars)
            return
    yield _LogLines()


class _Bars:
    """It shows one bar for each stage."""

    def __init__(self, bars: rich.progress.Progress) -> None:
        self._bars = bars
        self._tasks: dict[Stage, rich.progress.TaskID] = {}

    def __call__(self, progress: Progress) -> None:
        """Move the stage's bar; one whose length is not known yet pulses."""
        if progress.stage not in self._tasks:
            self._tasks[progress.stage] = self._bars.add_task(progress.stage.value, total=None)
        # Conversion is one call that says nothing on its way.
        unknown = not progress.total_bytes or (progress.stage == "convert" and not progress.done_bytes)
        self._bars.update(
            self._tasks[progress.stage],
            completed=progress.done_bytes,
            total=None if unknown else progress.total_bytes,
        )


class _LogLines:
    """It logs a line as a stage begins and as it ends, and every EVERY_S seconds."""

    def __init__(self) -> None:
        self._stage: Stage | None = None
        self._logged_at = 0.0

    def __call__(self, progress: Progress) -> None:
        """Log how far the stage is, now and then."""
        now = time.monotonic()
        at_end = progress.done_bytes == progress.total_bytes
        if progress.stage is self._stage and not at_end and now - self._logged_at < EVERY_S:
            return
        self._stage, self._logged_at = progress.stage, now
        fields = {
            "stage": progress.stage.value,
            "done_bytes": progress.done_bytes,
            "total_bytes": progress.total_bytes,
        }
        log.info("conversion goes on", extra=fields)
