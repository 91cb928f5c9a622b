"""Make the engine under seeded weights, on the card from the first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bind_gpu.card import first_gpu
from bind_gpu.seeded import fill_on_device
from bind_inference.engine.lowering import lower
from bind_inference.engine.torch_engine import TorchEngine
from bind_inference.model import CONFIGS, ImageBind

if TYPE_CHECKING:
    from bind_inference.engine.precision import Precision


def seeded_model(precision: Precision, name: str = "ImageBindHuge") -> ImageBind:
    """Return the model `name`, lowered to `precision` on the first GPU. Raises SystemExit without one."""
    device = first_gpu()
    with device:
        model = ImageBind(CONFIGS[name])
    fill_on_device(model)
    model.requires_grad_(requires_grad=False).eval()
    for encoder in model.config.trunks:
        lower(model, encoder, precision, device)
    return model


def seeded_engine(precision: Precision, name: str = "ImageBindHuge") -> TorchEngine:
    """Return the engine of that model, not warmed up."""
    return TorchEngine(seeded_model(precision, name), first_gpu(), precision)
