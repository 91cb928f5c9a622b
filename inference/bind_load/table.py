"""The table in the Parquet file: a record for each source, and what the vectors of all come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bind_inference.items.embedding import Vector
    from bind_load.plan import Source

_PREFIX: Final = b"bind."


@dataclass(frozen=True)
class Origin:
    """It tells what vectors come from: compare none of two origins. `fingerprint` may be unknown.

    windows: how recordings are cut into rows, "" for not at all.
    """

    model: str
    dimension: int
    precision: str
    fingerprint: str | None = None
    windows: str = ""

    def describe(self) -> str:
        """Return it for people."""
        mark = f", fingerprint {self.fingerprint}" if self.fingerprint else ""
        return f"{self.model}, {self.dimension} dimensions, {self.precision}{mark}"

    def describe_rows(self) -> str:
        """Return what a recording's rows are, for people."""
        return f"windows of {self.windows}" if self.windows else "a row for each whole file"


@dataclass(frozen=True)
class Record:
    """One source with its vector, or with what kept it from having one.

    A recording in windows has a row for each: vectors [windows, dimension], and when each starts and ends.
    """

    source: Source
    sha256: str
    text: str | None = None
    vector: Vector | None = None
    error: str | None = None
    times_s: Sequence[tuple[float, float]] | None = None

    @property
    def rows(self) -> int:
        """Return how many rows it has in the table."""
        return 1 if self.times_s is None else len(self.times_s)


def schema_of(origin: Origin) -> pa.Schema:
    """Return the columns; the origin is in the file's metadata too, under `bind.model` and so on."""
    metadata = {
        _PREFIX + b"model": origin.model.encode(),
        _PREFIX + b"dimension": str(origin.dimension).encode(),
        _PREFIX + b"precision": origin.precision.encode(),
        _PREFIX + b"fingerprint": (origin.fingerprint or "").encode(),
    }
    times = []
    if origin.windows:
        metadata[_PREFIX + b"windows"] = origin.windows.encode()
        times = [pa.field("start_s", pa.float64()), pa.field("end_s", pa.float64())]
    return pa.schema(
        [
            pa.field("path", pa.string(), nullable=False),
            pa.field("modality", pa.string(), nullable=False),
            # Not a list of fixed size: Arrow up to 25 cannot read one that may be null (apache/arrow#35692).
            pa.field("vector", pa.list_(pa.float32())),
            pa.field("sha256", pa.string(), nullable=False),
            pa.field("size_bytes", pa.int64(), nullable=False),
            pa.field("mtime_ns", pa.int64(), nullable=False),
            pa.field("text", pa.string()),
            pa.field("error", pa.string()),
            pa.field("model", pa.string(), nullable=False),
            pa.field("precision", pa.string(), nullable=False),
            pa.field("fingerprint", pa.string()),
            *times,
        ],
        metadata,
    )


def origin_of(schema: pa.Schema) -> Origin | None:
    """Return what a file's vectors come from, None if the file is none of ours."""
    metadata: dict[bytes, bytes] = schema.metadata or {}
    values = {
        key.removeprefix(_PREFIX).decode(): value.decode()
        for key, value in metadata.items()
        if key.startswith(_PREFIX)
    }
    try:
        return Origin(
            values["model"],
            int(values["dimension"]),
            values["precision"],
            values["fingerprint"] or None,
            values.get("windows", ""),
        )
    except (KeyError, ValueError):
        return None


def table_of(records: Sequence[Record], origin: Origin) -> pa.Table:
    """Return `records` as a table of `schema_of(origin)`; the rows of one stand together."""
    rows = [(record, *row) for record in records for row in _rows(record)]
    flat = [vector for _, vector, _ in rows if vector is not None]
    missing = [vector is None for _, vector, _ in rows]
    sizes = [0 if none else origin.dimension for none in missing]
    vectors = pa.ListArray.from_arrays(
        pa.array(np.cumsum([0, *sizes]), pa.int32()),
        pa.array(np.concatenate(flat).astype(np.float32) if flat else [], pa.float32()),
        mask=pa.array(missing),
    )
    columns: list[Any] = [
        [record.source.path for record, _, _ in rows],
        [str(record.source.modality) for record, _, _ in rows],
        vectors,
        [record.sha256 for record, _, _ in rows],
        [record.source.size_bytes for record, _, _ in rows],
        [record.source.mtime_ns for record, _, _ in rows],
        [record.text for record, _, _ in rows],
        [record.error for record, _, _ in rows],
        [origin.model] * len(rows),
        [origin.precision] * len(rows),
        [origin.fingerprint] * len(rows),
    ]
    if origin.windows:
        columns += [[times_s and times_s[end] for _, _, times_s in rows] for end in (0, 1)]
    schema = schema_of(origin)
    arrays = [
        column if isinstance(column, pa.Array) else pa.array(column, field.type)
        for column, field in zip(columns, schema, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def _rows(record: Record) -> Iterator[tuple[Vector | None, tuple[float, float] | None]]:
    """Yield the vector and the times of each row."""
    if record.times_s is None or record.vector is None:
        yield record.vector, None
    else:
        yield from zip(record.vector, record.times_s, strict=True)
