"""Check a precision: each encoder embeds a few items in float32, is lowered, and embeds them again."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F  # noqa: N812  (the name everybody knows)

from bind_inference.engine.lowering import lower
from bind_inference.engine.selfcheck.items import MODALITIES, items
from bind_inference.engine.selfcheck.result import CheckResult

if TYPE_CHECKING:
    from bind_inference.engine.precision import Precision
    from bind_inference.modality import Modality
    from bind_inference.model import ImageBind


def lower_checked(model: ImageBind, precision: Precision, device: torch.device) -> CheckResult:
    """Lower a float32 `model` on the CPU to `precision` on `device`; return how near its vectors stay."""
    cosines: dict[Modality, float] = {}
    for modality in MODALITIES:
        batch = items(modality)
        exact = _vectors(model, modality, batch)
        lower(model, modality.trunk, precision, device)
        found = _vectors(model, modality, batch)
        cosines[modality] = least_cosine(exact, found.cpu())
    return CheckResult(precision, cosines)


def least_cosine(exact: torch.Tensor, found: torch.Tensor) -> float:
    """Return the least cosine of two sets of vectors [n, dimension], pair by pair; -1 for NaN."""
    least = float(F.cosine_similarity(exact.double(), found.double()).min())
    return least if math.isfinite(least) else -1.0


@torch.inference_mode()
def _vectors(model: ImageBind, modality: Modality, batch: torch.Tensor) -> torch.Tensor:
    """Return vectors, one item at a time, as a CPU runs them."""
    vectors: list[torch.Tensor] = [model(modality, item[None]) for item in batch]
    return torch.cat(vectors)
