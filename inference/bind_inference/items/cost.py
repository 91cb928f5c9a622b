"""What an item costs: the arithmetic of its forward pass, and its memory once decoded. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from bind_inference.modality import Modality

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Weight:
    """The arithmetic of one unit (forward pass at ImageBindHuge's size), an item's memory once decoded."""

    gflop: float
    decoded_bytes: int


# Counted on the model by torch's flop counter. The unit of a text is a token, of audio a clip and of video a
# view, those that are alike counting once; others have one unit.
WEIGHTS: Final[Mapping[Modality, Weight]] = MappingProxyType(
    {
        Modality.TEXT: Weight(gflop=0.59, decoded_bytes=77 * 8),
        Modality.IMAGE: Weight(gflop=326.0, decoded_bytes=3 * 224 * 224 * 4),
        Modality.AUDIO: Weight(gflop=38.1, decoded_bytes=3 * 128 * 204 * 4),
        Modality.VIDEO: Weight(gflop=326.0, decoded_bytes=15 * 3 * 2 * 224 * 224 * 4),
        Modality.IMU: Weight(gflop=8.83, decoded_bytes=6 * 2000 * 4),
        Modality.THERMAL: Weight(gflop=32.5, decoded_bytes=224 * 224 * 4),
        Modality.DEPTH: Weight(gflop=8.49, decoded_bytes=224 * 224 * 4),
    }
)


def gflop(modality: Modality, units: int) -> float:
    """Return what an item of `units` tokens, clips or views costs."""
    return units * WEIGHTS[modality].gflop
