"""Searches a Weaviate without a pause while something happens to it, and tells how long it was away."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from types import TracebackType
from typing import Self


@dataclass(frozen=True)
class Search:
    """One search: when it began and ended (monotonic seconds), and what went wrong, "" for nothing."""

    began: float
    ended: float
    error: str = ""


@dataclass(frozen=True)
class Report:
    """A client saw this: searches, those of them that failed, and the longest time without an answer."""

    searches: int
    failed: int
    away_s: float
    errors: tuple[str, ...]


def report(searches: Sequence[Search]) -> Report:
    """Return the report of searches in their order.

    away_s: from the end of the last search that was answered to the end of the next one; 0 if none failed.
    """
    failed = [search for search in searches if search.error]
    answered = [search.ended for search in searches if not search.error]
    edges = [searches[0].began, *answered, searches[-1].ended] if searches else []
    gaps = [later - earlier for earlier, later in pairwise(edges)]
    errors = tuple(sorted({search.error for search in failed}))
    return Report(len(searches), len(failed), max(gaps) if failed else 0.0, errors)


@dataclass
class Searching:
    """Runs `search` again and again in a thread until the block ends; an error is written down and met."""

    search: Callable[[], None]
    pause_s: float = 0.1
    _seen: list[Search] = field(default_factory=list)
    _end: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._end.set()
        if self._thread is not None:
            self._thread.join(timeout=60)

    @property
    def count(self) -> int:
        """So many searches have ended since the last report was taken."""
        return len(self._seen)

    def take(self) -> Report:
        """Return the report of the searches since the last one was taken."""
        seen, self._seen = self._seen, []
        return report(seen)

    def _run(self) -> None:
        while not self._end.wait(self.pause_s):
            began, error = time.monotonic(), ""
            try:
                self.search()
            except Exception as failure:  # noqa: BLE001  (whatever it is, a client would have met it)
                error = f"{type(failure).__name__}: {failure}"[:200]
            self._seen.append(Search(began, time.monotonic(), error))
