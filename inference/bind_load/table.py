"""The table in the Parquet file: a record for each source, and what the vectors of all come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bind_inference.items.embedding import Vector
    from bind_load.plan import Source

_PREFIX: Final = b"bind."


@dataclass(frozen=True)
class Origin:
    """It tells what vectors come from: compare none of two origins. `fingerprint` may be unknown."""

    model: str
    dimension: int
    precision: str
    fingerprint: str | None = None

    def describe(self) -> str:
        """Return it for people."""
        mark = f", fingerprint {self.fingerprint}" if self.fingerprint else ""
        return f"{self.model}, {self.dimension} dimensions, {self.precision}{mark}"


@dataclass(frozen=True)
class Record:
    """One source with its vector, or with what kept it from having one."""

    source: Source
    sha256: str
    text: str | None = None
    vector: Vector | None = None
    error: str | None = None


def schema_of(origin: Origin) -> pa.Schema:
    """Return the columns; the origin is in the file's metadata too, under `bind.model` and so on."""
    metadata = {
        _PREFIX + b"model": origin.model.encode(),
        _PREFIX + b"dimension": str(origin.dimension).encode(),
        _PREFIX + b"precision": origin.precision.encode(),
        _PREFIX + b"fingerprint": (origin.fingerprint or "").encode(),
    }
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
            values["model"], int(values["dimension"]), values["precision"], values["fingerprint"] or None
        )
    except (KeyError, ValueError):
        return None


def table_of(records: Sequence[Record], origin: Origin) -> pa.Table:
    """Return `records` as a table of `schema_of(origin)`."""
    missing = [record.vector is None for record in records]
    flat = [record.vector for record in records if record.vector is not None]
    sizes = [0 if none else origin.dimension for none in missing]
    vectors = pa.ListArray.from_arrays(
        pa.array(np.cumsum([0, *sizes]), pa.int32()),
        pa.array(np.concatenate(flat).astype(np.float32) if flat else [], pa.float32()),
        mask=pa.array(missing),
    )
    count = len(records)
    columns: list[Any] = [
        [record.source.path for record in records],
        [str(record.source.modality) for record in records],
        vectors,
        [record.sha256 for record in records],
        [record.source.size_bytes for record in records],
        [record.source.mtime_ns for record in records],
        [record.text for record in records],
        [record.error for record in records],
        [origin.model] * count,
        [origin.precision] * count,
        [origin.fingerprint] * count,
    ]
    schema = schema_of(origin)
    arrays = [
        column if isinstance(column, pa.Array) else pa.array(column, field.type)
        for column, field in zip(columns, schema, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=schema)
