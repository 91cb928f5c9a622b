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

_ITEM_BYTES: Final = {"int64": 8, "float32": 4, "uint8": 1}
_BASE64: Final = "base64; wrapped lines and data: URIs are taken"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A row says of a modality whatever is data."""

    name: str
    """It names the modality in logs, metrics and settings."""
    plural: str
    """A request has its items under this key, and a response their vectors under `<name>Vectors`."""
    description: str
    """It tells a client what to send."""
    trunk: str
    """The checkpoint calls the encoder that embeds it so; stills and video share one."""
    shape: tuple[int, ...]
    """A prepared item has these dimensions; a batch has one more in front."""
    dtype: Literal["int64", "float32", "uint8"] = "float32"
    """Numbers of a prepared item: levels of a still are bytes, which the model normalises."""
    unit: Unit | None = None
    """The first axis of `shape` counts these, and an item costs those that differ; None: it is one."""
    clips: int = 0
    """A recording is looked at in so many places, two seconds each; 0: the item has no length in time."""
    unit_gflop: float
    """A unit's forward pass takes so much arithmetic at ImageBindHuge's size, by torch's flop counter."""
    endings: str = ""
    """Files that hold it end so; where "" they look like pictures, and a folder of its name tells it."""
    media_types: tuple[str, ...] = ()
    """A data: URI that holds it has one of these types: `text/csv`, or any of the family `image/*`."""

    @cached_property
    def decoded_bytes(self) -> int:
        """Return the memory that a prepared item takes."""
        return math.prod(self.shape) * _ITEM_BYTES[self.dtype]

    @property
    def most_units(self) -> int:
        """Return the units of an item in which no two are alike."""
        return self.shape[0] if self.unit else 1


class Modality(StrEnum):
    """Each kind of input is a row of the table, and the string that names it everywhere."""

    TEXT = Entry(
        name="text", plural="texts", trunk="text", shape=(77,), dtype="int64",
        unit="token", unit_gflop=0.59, description="plain text; 77 tokens are read",
        endings="txt", media_types=("text/plain",),
    )  # fmt: skip
    IMAGE = Entry(
        name="image", plural="images", trunk="vision", shape=(3, 224, 224), dtype="uint8",
        unit_gflop=326.0, description=f"JPEG, PNG, WebP …, {_BASE64}",
        endings="jpg jpeg jpe jfif png webp gif bmp tif tiff avif jp2 ppm pgm", media_types=("image/*",),
    )  # fmt: skip
    AUDIO = Entry(
        name="audio", plural="audio", trunk="audio", shape=(3, 1, 128, 204), clips=3,
        unit="clip", unit_gflop=38.1, description=f"WAV, FLAC, OGG, MP3 …, {_BASE64}",
        endings="wav flac ogg oga opus mp3 m4a aac aif aiff", media_types=("audio/*",),
    )  # fmt: skip
    VIDEO = Entry(
        name="video", plural="video", trunk="vision", shape=(15, 3, 2, 224, 224), clips=5,
        unit="view", unit_gflop=326.0, description=f"MP4, WebM, MKV, AVI, MOV, {_BASE64}",
        endings="mp4 m4v mov mkv webm avi mpg mpeg", media_types=("video/*",),
    )  # fmt: skip
    IMU = Entry(
        name="imu", plural="imu", trunk="imu", shape=(6, 2000),
        unit_gflop=8.83, description=f"CSV of six columns, first row a header, {_BASE64}",
        endings="csv", media_types=("text/csv",),
    )  # fmt: skip
    THERMAL = Entry(
        name="thermal", plural="thermal", trunk="thermal", shape=(1, 224, 224), dtype="uint8",
        unit_gflop=32.5, description=f"thermal picture, {_BASE64}",
    )  # fmt: skip
    DEPTH = Entry(
        name="depth", plural="depth", trunk="depth", shape=(1, 224, 224), dtype="uint8",
        unit_gflop=8.49, description=f"depth picture, {_BASE64}",
    )  # fmt: skip

    def __new__(cls, row: Entry | str) -> Self:
        """Make the string of a row. To a type checker the look-up `Modality("text")` comes here too."""
        name = cast("Entry", row).name
        member = str.__new__(cls, name)
        member._value_ = name
        return member

    def __init__(self, row: Entry | str) -> None:
        self.entry: Final = cast("Entry", row)
        self.plural: Final = self.entry.plural
        self.vector_key: Final = f"{self.entry.name}Vectors"
        self.window_key: Final = f"{self.entry.name}Windows"
        self.trunk: Final = self.entry.trunk


def one_of_each_trunk() -> list[Modality]:
    """Return the first modality of each encoder: what it takes to have run them all."""
    first: dict[str, Modality] = {}
    for modality in Modality:
        first.setdefault(modality.trunk, modality)
    return list(first.values())
