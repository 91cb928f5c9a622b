"""Make of the string that a client sent what is queued for the model. No clock, no process."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from bind_inference.decoders.slicing import slices, tokens
from bind_inference.items.base64 import decode_base64
from bind_inference.modality import Modality
from bind_inference.preprocess import Limits, duration_ms, preprocess, preprocess_windows

if TYPE_CHECKING:
    from bind_inference.items.slices import Slice
    from bind_inference.items.windows import WindowGroup


@dataclass(frozen=True)
class Bounds:
    """The bounds say how large one item may be, and how it is cut into slices."""

    limits: Limits = field(default_factory=Limits)
    max_item_bytes: int = 1 << 26
    max_batch_gflop: float = 350.0


@dataclass(frozen=True)
class Decoded:
    """An item ready for the model; `tokens` counts those of a text and is 0 for media."""

    slices: list[Slice]
    tokens: int = 0


def decode(modality: Modality, data: str, bounds: Bounds) -> Decoded:
    """Return a text, or media in base64, as slices of numpy arrays.

    Raises BindError, which does not name the item's position.
    """
    if modality is Modality.TEXT:
        row = preprocess(modality, data, bounds.limits)
        return Decoded(slices(modality, row, bounds.max_batch_gflop), tokens(row))
    item = preprocess(modality, decode_base64(data, bounds.max_item_bytes), bounds.limits)
    return Decoded(slices(modality, item, bounds.max_batch_gflop))


def decode_windows(modality: Modality, data: str, group: WindowGroup, bounds: Bounds) -> Decoded:
    """Return windows of a recording in base64 as slices of numpy arrays. Raises as `decode`."""
    media = decode_base64(data, bounds.max_item_bytes)
    windows = preprocess_windows(modality, media, group.spans, bounds.limits)
    return Decoded(
        [
            replace(part, window=number)
            for number, window in enumerate(windows)
            for part in slices(modality, window, bounds.max_batch_gflop)
        ]
    )


def measure(modality: Modality, data: str, bounds: Bounds) -> int:
    """Return how long a recording in base64 is, in whole milliseconds. Raises as `decode`."""
    return duration_ms(modality, decode_base64(data, bounds.max_item_bytes), bounds.limits)
