"""The loop: it embeds so many items at once and keeps their records in parts as they come."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import pybase64

from bind_inference.items.windows import WINDOWED
from bind_inference.modality import Modality
from bind_load.plan import is_same
from bind_load.scan import digest
from bind_load.table import Record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from bind_load.embedder import Embedder
    from bind_load.plan import Known, Source
    from bind_load.report import Report
    from bind_load.settings import LoadSettings
    from bind_load.store import Store

PART_RECORDS: Final = 1000
# Work that a crash may cost: a twentieth of the time spent so far, within these bounds.
MIN_PART_S: Final = 1.0
MAX_PART_S: Final = 30.0


@dataclass
class Summary:
    """It says what a run did; `failed` are the errors of its records, by path."""

    embedded: int = 0
    unchanged: int = 0
    failed: dict[str, str] = field(default_factory=dict)


@dataclass
class Run:
    """It embeds sources that are not known and writes their records.

    root: the folder that the sources' paths start at. known: what earlier runs kept, by path.
    """

    root: Path
    embedder: Embedder
    store: Store
    known: Mapping[str, Known]
    settings: LoadSettings
    report: Report
    summary: Summary = field(init=False, default_factory=Summary)

    def __post_init__(self) -> None:
        self._room = asyncio.Condition()
        self._held_bytes = 0
        self._records: list[Record] = []
        self._began_at = self._written_at = asyncio.get_running_loop().time()

    async def embed_all(self, sources: Sequence[Source]) -> None:
        """Embed `sources`; however this ends, the records that were made are kept. Raises LoadFailed."""
        queue = iter(sources)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(self.settings.max_in_flight, len(sources))):
                    group.create_task(self._work(queue))
        except BaseExceptionGroup as group_error:
            raise group_error.exceptions[0] from None
        finally:
            self._flush()

    async def _work(self, queue: Iterator[Source]) -> None:
        for source in queue:  # all workers take from the same iterator
            record = await self._embed(source)
            if record is None:
                self.summary.unchanged += 1
            else:
                self._keep(record)
            self.report.done(record is not None and record.error is not None)

    async def _embed(self, source: Source) -> Record | None:
        """Return the record of `source`, None if the one that is known still holds."""
        if source.text is not None and source.sha256 is not None:
            return await self._record(source, source.sha256, source.text, source.text)
        if source.size_bytes > self.settings.max_item_bytes:
            error = f"{source.size_bytes:,} bytes are above the limit of {self.settings.max_item_bytes:,}"
            return Record(source, "", error=error)
        held = min(source.size_bytes, self.settings.max_in_flight_bytes)
        async with self._room:
            await self._room.wait_for(lambda: self._held_bytes + held <= self.settings.max_in_flight_bytes)
            self._held_bytes += held
        try:
            return await self._embed_file(source)
        finally:
            async with self._room:
                self._held_bytes -= held
                self._room.notify_all()

    async def _embed_file(self, source: Source) -> Record | None:
        try:
            data = await asyncio.to_thread((self.root / (source.file or source.path)).read_bytes)
        except OSError as error:
            return Record(source, "", error=f"cannot be read: {error.strerror}")
        sha256 = await asyncio.to_thread(digest, data)
        if is_same(source, sha256, self.known, retry_failed=self.settings.retry_failed):
            return None
        if source.modality is not Modality.TEXT:
            return await self._record(source, sha256, pybase64.b64encode(data).decode())
        try:
            text = data.decode("utf-8-sig").strip()
        except UnicodeDecodeError:
            return Record(source, sha256, error="is not a text in UTF-8")
        return await self._record(source, sha256, text, text)

    async def _record(self, source: Source, sha256: str, data: str, text: str | None = None) -> Record:
        if self.settings.windows and source.modality in WINDOWED:
            cut = await self.embedder.embed_windows(source.modality, data, self.settings.windows)
            if isinstance(cut, str):
                return Record(source, sha256, text, error=cut)
            return Record(source, sha256, text, vector=cut.vector, times_s=cut.times_s)
        made = await self.embedder.embed(source.modality, data)
        if isinstance(made, str):
            return Record(source, sha256, text, error=made)
        return Record(source, sha256, text, vector=made)

    def _keep(self, record: Record) -> None:
        if record.error is not None:
            self.summary.failed[record.source.path] = record.error
        else:
            self.summary.embedded += 1
        self._records.append(record)
        now = asyncio.get_running_loop().time()
        part_s = min(MAX_PART_S, max(MIN_PART_S, (now - self._began_at) / 20))
        if len(self._records) >= PART_RECORDS or now - self._written_at >= part_s:
            self._flush()
            self._written_at = now

    def _flush(self) -> None:
        records, self._records = self._records, []
        self.store.write(records)
