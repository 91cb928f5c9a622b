"""`bind-load`: wires it all."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
from typing import TYPE_CHECKING

from bind_load import PROGRAM
from bind_load.embedder import embedder_for
from bind_load.errors import Interrupted, LoadFailed
from bind_load.plan import plan
from bind_load.report import report_for_here
from bind_load.run import Run, Summary
from bind_load.scan import Found, scan
from bind_load.store import Store

if TYPE_CHECKING:
    from bind_inference.scheduling.service import LoadEngine
    from bind_load.plan import Known, Plan
    from bind_load.settings import LoadSettings

log = logging.getLogger(__name__)
MAX_NAMED = 20  # files that could not be embedded, in the output; the Parquet file has them all


def run_load(settings: LoadSettings, load_engine: LoadEngine) -> int:
    """Embed what `settings` name; return the exit status."""
    try:
        return asyncio.run(_run(settings, load_engine))
    except LoadFailed as error:
        sys.stderr.write(f"{PROGRAM}: {error}\n")
        return 3
    except Interrupted as error:
        sys.stderr.write(
            f"{PROGRAM}: interrupted; what was embedded so far is kept in {settings.output}.parts: "
            "run the same command again\n"
        )
        return error.status


async def _run(settings: LoadSettings, load_engine: LoadEngine) -> int:
    found = scan(settings.source, settings.rules, settings.modality)
    _check_output(settings)
    with report_for_here() as report, _Signals() as interruption:
        try:
            async with embedder_for(settings, load_engine, report.state) as embedder:
                store = Store(settings.output, embedder.origin)
                with store.hold() as known:
                    planned = plan(found.sources, known, retry_failed=settings.retry_failed)
                    report.begin(len(planned.todo), len(planned.kept))
                    run = Run(found.root, embedder, store, known, settings, report)
                    await run.embed_all(planned.todo)
                    store.finish(planned.removed)
        except asyncio.CancelledError:
            if interruption:
                raise Interrupted(interruption[0]) from None
            raise
    return _summarize(settings, found, planned, known, run.summary)


def _check_output(settings: LoadSettings) -> None:
    if settings.output.is_dir():
        raise LoadFailed(f"{settings.output} is a folder; name the Parquet file to write")


class _Signals(contextlib.AbstractContextManager[list[int]]):
    """The first SIGINT or SIGTERM cancels the load, which keeps what it has; the second ends the process."""

    def __init__(self) -> None:
        self._seen: list[int] = []
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()

    def __enter__(self) -> list[int]:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._loop.add_signal_handler(number, self._stop, number)
        return self._seen

    def __exit__(self, *_: object) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._loop.remove_signal_handler(number)

    def _stop(self, number: int) -> None:
        self._seen.append(128 + number)
        for each in (signal.SIGINT, signal.SIGTERM):
            self._loop.remove_signal_handler(each)
            signal.signal(each, signal.SIG_DFL)
        if self._task:
            self._task.cancel()


def _summarize(
    settings: LoadSettings, found: Found, planned: Plan, known: dict[str, Known], summary: Summary
) -> int:
    """Write what the run did to standard output; return the exit status."""
    old = {path: "could not be embedded in an earlier run" for path in planned.kept if known[path].failed}
    failed = old | summary.failed
    kept = len(planned.kept) + summary.unchanged
    lines = [
        f"{settings.output}: {summary.embedded} embedded, {kept} unchanged, "
        f"{len(planned.removed)} removed, {len(failed)} failed"
    ]
    if found.skipped:
        kinds = ", ".join(f"{count} {kind}" for kind, count in found.skipped.most_common(10))
        lines.append(f"skipped, of no known kind: {kinds} (--modality or --rule tells what they are)")
    lines += [f"failed: {path}: {error}" for path, error in sorted(failed.items())[:MAX_NAMED]]
    if len(failed) > MAX_NAMED:
        lines.append(f"failed: and {len(failed) - MAX_NAMED} more; the column error tells of each")
    sys.stdout.write("\n".join(lines) + "\n")
    log.info("load ends", extra={"embedded": summary.embedded, "unchanged": kept, "failed": len(failed)})
    return 1 if failed else 0
