"""The loop: so many items at once, rows kept in parts as they come."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import pybase64

from bind_inference.modality import Modality
from bind_load.plan import is_same
from bind_load.rows import Row
from bind_load.scan import digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from bind_load.embedder import Embedder
    from bind_load.plan import Known, Source
    from bind_load.report import Report
    from bind_load.store import Store

PART_ROWS: Final = 1000
# Work that a crash may cost: a twentieth of the time spent so far, within these bounds.
MIN_PART_S: Final = 1.0
MAX_PART_S: Final = 30.0


@dataclass(frozen=True)
class Bounds:
    """What is held at once."""

    items: int
    bytes: int
    item_bytes: int
    retry_failed: bool = False


@dataclass
class Outcome:
    """What came of a run; `failed` are the rows with an error, by path."""

    embedded: int = 0
    unchanged: int = 0
    failed: dict[str, str] = field(default_factory=dict)


class Run:
    """Embeds sources that are not known and writes their rows."""

    def __init__(
        self,
        root: Path,
        embedder: Embedder,
        store: Store,
        known: Mapping[str, Known],
        bounds: Bounds,
        report: Report,
    ) -> None:
        self._root = root
        self._embedder = embedder
        self._store = store
        self._known = known
        self._bounds = bounds
        self._report = report
        self._room = asyncio.Condition()
        self._held_bytes = 0
        self._rows: list[Row] = []
        self._began_at = self._written_at = asyncio.get_running_loop().time()
        self.outcome = Outcome()

    async def embed_all(self, sources: Sequence[Source]) -> None:
        """Embed `sources`; however this ends, the rows that were made are kept. Raises LoadFailed."""
        queue = iter(sources)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(self._bounds.items, len(sources))):
                    group.create_task(self._work(queue))
        except BaseExceptionGroup as group_error:
            raise group_error.exceptions[0] from None
        finally:
            self._flush()

    async def _work(self, queue: Iterator[Source]) -> None:
        for source in queue:  # all workers take from the same iterator
            row = await self._embed(source)
            if row is None:
                self.outcome.unchanged += 1
            else:
                self._keep(row)
            self._report.done(row is not None and row.error is not None)

    async def _embed(self, source: Source) -> Row | None:
        """Return the row of `source`, None if the one that is known still holds."""
        if source.text is not None and source.sha256 is not None:
            return await self._row(source, source.sha256, source.text, source.text)
        if source.size_bytes > self._bounds.item_bytes:
            told = f"{source.size_bytes:,} bytes are above the limit of {self._bounds.item_bytes:,}"
            return Row(source, "", error=told)
        held = min(source.size_bytes, self._bounds.bytes)
        async with self._room:
            await self._room.wait_for(lambda: self._held_bytes + held <= self._bounds.bytes)
            self._held_bytes += held
        try:
            return await self._embed_file(source)
        finally:
            async with self._room:
                self._held_bytes -= held
                self._room.notify_all()

    async def _embed_file(self, source: Source) -> Row | None:
        try:
            data = await asyncio.to_thread((self._root / source.path).read_bytes)
        except OSError as error:
            return Row(source, "", error=f"cannot be read: {error.strerror}")
        sha256 = await asyncio.to_thread(digest, data)
        if is_same(source, sha256, self._known, retry_failed=self._bounds.retry_failed):
            return None
        if source.modality is not Modality.TEXT:
            return await self._row(source, sha256, pybase64.b64encode(data).decode())
        try:
            text = data.decode("utf-8-sig").strip()
        except UnicodeDecodeError:
            return Row(source, sha256, error="is not a text in UTF-8")
        return await self._row(source, sha256, text, text)

    async def _row(self, source: Source, sha256: str, data: str, text: str | None = None) -> Row:
        made = await self._embedder.embed(source.modality, data)
        if isinstance(made, str):
            return Row(source, sha256, text, error=made)
        return Row(source, sha256, text, vector=made)

    def _keep(self, row: Row) -> None:
        if row.error is not None:
            self.outcome.failed[row.source.path] = row.error
        else:
            self.outcome.embedded += 1
        self._rows.append(row)
        now = asyncio.get_running_loop().time()
        part_s = min(MAX_PART_S, max(MIN_PART_S, (now - self._began_at) / 20))
        if len(self._rows) >= PART_ROWS or now - self._written_at >= part_s:
            self._flush()
            self._written_at = now

    def _flush(self) -> None:
        rows, self._rows = self._rows, []
        self._store.write(rows)
