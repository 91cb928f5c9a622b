"""The table of modalities: what kinds of media there are, and what all parts say of each. Pure.

A row holds data alone. Where code differs by modality (a decoder, an encoder, a sample), a table stands
beside that code, and tests/unit/bind_inference/test_modality_table.py names the one that lacks a modality.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Final, Literal, Self, TypeAlias, cast

Unit: TypeAlias = Literal["token", "clip", "view"]

_ITEM_BYTES: Final = {"int64": 8, "float32": 4}
_BASE64: Final = "base64; wrapped lines and data: URIs are taken"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A row of the table."""

    name: str
    """The singular: the value in logs, metrics and settings."""
    plural: str
    """The key of its items in a request."""
    description: str
    """What its items in a request are."""
    trunk: str
    """The encoder that embeds it, as the checkpoint names it."""
    shape: tuple[int, ...]
    """A prepared item, without the dimension of the batch."""
    dtype: Literal["int64", "float32"] = "float32"
    unit: Unit | None = None
    """What the first axis of `shape` counts, where an item costs only those that differ; None: it is one."""
    unit_gflop: float
    """The arithmetic of one unit's forward pass at ImageBindHuge's size, by torch's flop counter."""
    endings: str = ""
    """The endings of files that hold it; "": they look like pictures, and a folder of its name tells it."""
    media_types: tuple[str, ...] = ()
    """The types of a data: URI that holds it: `text/csv`, or `image/*` for a family."""

    @cached_property
    def vector_key(self) -> str:
        """The key of its vectors in a response."""
        return f"{self.name}Vectors"

    @cached_property
    def decoded_bytes(self) -> int:
        """The memory that a prepared item takes."""
        return math.prod(self.shape) * _ITEM_BYTES[self.dtype]

    @property
    def most_units(self) -> int:
        """The units of an item in which no two are alike."""
        return self.shape[0] if self.unit else 1


class Modality(StrEnum):
    """A kind of input. Each member is a row of the table, and the string that names it everywhere."""

    TEXT = Entry(
        name="text",
        plural="texts",
        description="plain text; 77 tokens are read",
        trunk="text",
        shape=(77,),
        dtype="int64",
        unit="token",
        unit_gflop=0.59,
        endings="txt",
        media_types=("text/plain",),
    )
    IMAGE = Entry(
        name="image",
        plural="images",
        description=f"JPEG, PNG, WebP …, {_BASE64}",
        trunk="vision",
        shape=(3, 224, 224),
        unit_gflop=326.0,
        endings="jpg jpeg jpe jfif png webp gif bmp tif tiff avif jp2 ppm pgm",
        media_types=("image/*",),
    )
    AUDIO = Entry(
        name="audio",
        plural="audio",
        description=f"WAV, FLAC, OGG, MP3 …, {_BASE64}",
        trunk="audio",
        shape=(3, 1, 128, 204),
        unit="clip",
        unit_gflop=38.1,
        endings="wav flac ogg oga opus mp3 m4a aac aif aiff",
        media_types=("audio/*",),
    )
    VIDEO = Entry(
        name="video",
        plural="video",
        description=f"MP4, WebM, MKV, AVI, MOV, {_BASE64}",
        trunk="vision",
        shape=(15, 3, 2, 224, 224),
        unit="view",
        unit_gflop=326.0,
        endings="mp4 m4v mov mkv webm avi mpg mpeg",
        media_types=("video/*",),
    )
    IMU = Entry(
        name="imu",
        plural="imu",
        description=f"CSV of six columns, first row a header, {_BASE64}",
        trunk="imu",
        shape=(6, 2000),
        unit_gflop=8.83,
        endings="csv",
        media_types=("text/csv",),
    )
    THERMAL = Entry(
        name="thermal",
        plural="thermal",
        description=f"thermal picture, {_BASE64}",
        trunk="thermal",
        shape=(1, 224, 224),
        unit_gflop=32.5,
    )
    DEPTH = Entry(
        name="depth",
        plural="depth",
        description=f"depth picture, {_BASE64}",
        trunk="depth",
        shape=(1, 224, 224),
        unit_gflop=8.49,
    )

    def __new__(cls, row: Entry | str) -> Self:
        """Make the string of a row. To a type checker the look-up `Modality("text")` comes here too."""
        name = cast("Entry", row).name
        member = str.__new__(cls, name)
        member._value_ = name
        return member

    def __init__(self, row: Entry | str) -> None:
        self.entry: Final = cast("Entry", row)

    @property
    def plural(self) -> str:
        """The key of its items in a request: texts and images, but audio, video, imu, thermal and depth."""
        return self.entry.plural

    @property
    def vector_key(self) -> str:
        """The key of its vectors in a response: textVectors, imageVectors …"""
        return self.entry.vector_key

    @property
    def trunk(self) -> str:
        """The encoder that embeds it; stills and video share one."""
        return self.entry.trunk


def one_of_each_trunk() -> list[Modality]:
    """Return the first modality of each encoder: what it takes to have run them all."""
    first: dict[str, Modality] = {}
    for modality in Modality:
        first.setdefault(modality.trunk, modality)
    return list(first.values())
