"""Cuts a decoded item into what runs in one batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bind_inference.items.alike import first_alike
from bind_inference.items.slices import Slice
from bind_inference.modality import Modality

if TYPE_CHECKING:
    import numpy.typing as npt


def slices(modality: Modality, item: npt.NDArray[Any], max_gflop: float) -> list[Slice]:
    """Return a preprocessed item in slices of at most `max_gflop`, where it can be cut.

    A video is cut in views, those that are alike together, so that no slice computes what another does.
    """
    if modality is Modality.VIDEO:
        return _views(item, max(1, int(max_gflop // modality.entry.unit_gflop)))
    if modality is Modality.TEXT:
        units = int(item.argmax()) + 1  # the model computes up to the end token
    else:
        units = len(set(first_alike(item))) if modality is Modality.AUDIO else 1
    return [Slice(item, 1, units * modality.entry.unit_gflop)]


def tokens(row: npt.NDArray[Any]) -> int:
    """Return the tokens of one text, with its start and its end."""
    return int(row.nonzero()[0][-1]) + 1  # not their count: a token's number can be 0


def _views(views: npt.NDArray[Any], unlike: int) -> list[Slice]:
    """Return `views` [n, ...] in parts of at most `unlike` unlike views."""
    which = first_alike(views)
    kept = sorted(set(which))
    parts = []
    for start in range(0, len(kept), unlike):
        chosen = kept[start : start + unlike]
        part = views[[index for index, first in enumerate(which) if first in chosen]]
        parts.append(Slice(part, len(part), len(chosen) * Modality.VIDEO.entry.unit_gflop))
    return parts
