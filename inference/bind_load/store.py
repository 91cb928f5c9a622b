"""Keeps a load on disk: parts beside the output while it runs, one file at its end.

Every file is written under another name, synced and renamed: whatever ends the process, what is there is
whole.
Of several rows with one path the newest holds: the output's is the oldest, then the parts in their order.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from bind_load.errors import LoadFailed
from bind_load.plan import Known
from bind_load.table import Origin, Record, origin_of, schema_of, table_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

_KEYS: Final = ["path", "modality", "size_bytes", "mtime_ns", "sha256", "error"]
_BATCH: Final = 4096  # rows in memory at once while the parts are merged: 16 MB of vectors


class Store:
    """The output and its parts, which one process at a time holds."""

    def __init__(self, output: Path, origin: Origin) -> None:
        self._output = output
        self._parts = output.with_name(f"{output.name}.parts")
        self._origin = origin
        self._next = 1
        # of the rows of a path: their file, the first of them and how many they are
        self._places: dict[str, tuple[int, int, int]] = {}
        self._files: list[Path] = []

    @contextlib.contextmanager
    def hold(self) -> Iterator[dict[str, Known]]:
        """Hold the output, and yield what earlier runs kept, by path.

        Raises LoadFailed if another load holds it, if it cannot be written, or if what is there comes from
        another model.
        """
        with _disk_errors(self._parts):
            self._parts.mkdir(parents=True, exist_ok=True)
            lock = (self._parts / "lock").open("w")
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise LoadFailed(f"another load writes {self._output}: wait for its end") from None
            for stale in self._parts.glob("*.tmp"):
                stale.unlink()
            parts = sorted(self._parts.glob("part-*.parquet"))
            self._next = int(parts[-1].stem.removeprefix("part-")) + 1 if parts else 1
            self._files = [file for file in (self._output, *parts) if file.exists()]
            yield self._read_known()

    def write(self, records: Sequence[Record]) -> None:
        """Keep `records` as one more part. Raises LoadFailed if the disk does not take it."""
        if not records:
            return
        file = self._parts / f"part-{self._next:08}.parquet"
        table = table_of(records, self._origin)
        self._atomically(file, lambda temporary: pq.write_table(table, temporary))
        self._next += 1
        index = 0
        for record in records:
            self._places[record.source.path] = len(self._files), index, record.rows
            index += record.rows
        self._files.append(file)

    def finish(self, removed: frozenset[str]) -> None:
        """Merge everything but the rows of `removed` into the output; then the parts go."""
        for path in removed:
            self._places.pop(path, None)
        chosen: list[set[int]] = [set() for _ in self._files]
        for file, first, count in self._places.values():
            chosen[file].update(range(first, first + count))
        if removed or self._files != [self._output]:
            self._atomically(self._output, lambda temporary: self._merge(temporary, chosen))
        with _disk_errors(self._parts):
            shutil.rmtree(self._parts)

    def _merge(self, temporary: Path, chosen: list[set[int]]) -> None:
        with pq.ParquetWriter(temporary, schema_of(self._origin)) as writer:
            for file, wanted in zip(self._files, chosen, strict=True):
                start = 0
                for batch in pq.ParquetFile(file).iter_batches(_BATCH):
                    mask = pa.array([start + index in wanted for index in range(batch.num_rows)])
                    start += batch.num_rows
                    if (rows := batch.filter(mask)).num_rows:
                        writer.write_batch(rows.cast(schema_of(self._origin)))

    def _read_known(self) -> dict[str, Known]:
        known: dict[str, Known] = {}
        for number, file in enumerate(self._files):
            with _disk_errors(file):
                try:
                    opened = pq.ParquetFile(file)
                except pa.ArrowInvalid as error:
                    raise LoadFailed(
                        f"{file} is there and is no Parquet file: choose another output"
                    ) from error
                self._check(file, origin_of(opened.schema_arrow))
                index = 0
                for batch in opened.iter_batches(columns=_KEYS):
                    for row in batch.to_pylist():
                        known[row["path"]] = _known(row)
                        self._note(row["path"], number, index)
                        index += 1
        return known

    def _note(self, path: str, number: int, index: int) -> None:
        """Note a row of a file; it belongs to those of the same path right before it."""
        file, first, count = self._places.get(path, (-1, 0, 0))
        follows = (file, first + count) == (number, index)
        self._places[path] = (number, first, count + 1) if follows else (number, index, 1)

    def _check(self, file: Path, origin: Origin | None) -> None:
        if origin is None:
            raise LoadFailed(f"{file} is there and was not written by this command: choose another output")
        if replace(origin, windows=self._origin.windows) == self._origin != origin:
            raise LoadFailed(
                f"{file} holds {origin.describe_rows()}, and this load makes {self._origin.describe_rows()} "
                f"(--window-s, --stride-s): choose another output, or remove {self._output} and "
                f"{self._parts} to embed everything again"
            )
        if origin != self._origin:
            raise LoadFailed(
                f"{file} holds vectors of {origin.describe()}; those of {self._origin.describe()} are of "
                f"another space and not to be compared: choose another output, or remove {self._output} and "
                f"{self._parts} to embed everything again"
            )

    def _atomically(self, file: Path, write: Callable[[Path], Any]) -> None:
        temporary = self._parts / f"{file.name}.tmp"
        try:
            with _disk_errors(file, self._parts):
                write(temporary)
                with temporary.open("rb") as written:
                    os.fsync(written.fileno())
                temporary.replace(file)
                folder = os.open(file.parent, os.O_RDONLY)
                try:
                    os.fsync(folder)
                finally:
                    os.close(folder)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def _known(row: dict[str, Any]) -> Known:
    return Known(row["modality"], row["size_bytes"], row["mtime_ns"], row["sha256"], row["error"] is not None)


@contextlib.contextmanager
def _disk_errors(file: Path, parts: Path | None = None) -> Iterator[None]:
    """Turn an error of the disk into a LoadFailed with the remedy."""
    try:
        yield
    except OSError as error:
        kept = f"; what was embedded so far is kept in {parts}" if parts else ""
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise LoadFailed(
                f"no space left to write {file}{kept}: free some, then run the same command again"
            ) from error
        raise LoadFailed(f"cannot write {file}: {error.strerror or error}{kept}") from error
