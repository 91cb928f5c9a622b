"""The full-size model on the card under seeded weights, one precision at a time."""

import gc

import torch

from bind_gpu.seeded import fill_on_device
from bind_inference.engine.lowering import lower
from bind_inference.engine.precision import Precision
from bind_inference.engine.torch_engine import TorchEngine
from bind_inference.model import CONFIGS, ImageBind

CUDA = torch.device("cuda:0")
PRECISIONS = (Precision.FLOAT32, Precision.BFLOAT16, Precision.FLOAT16)
_made: dict[Precision, TorchEngine] = {}


def engine(precision: Precision, name: str = "ImageBindHuge") -> TorchEngine:
    """Return an engine of the model `name`; only the last one of the full size is kept."""
    if name == "ImageBindHuge" and precision in _made:
        return _made[precision]
    _made.clear()
    gc.collect()
    torch.cuda.empty_cache()
    made = make_engine(precision, name)
    if name == "ImageBindHuge":
        _made[precision] = made
    return made


def make_engine(precision: Precision, name: str) -> TorchEngine:
    """Return a new engine of seeded weights, made on the card."""
    with CUDA:
        model = ImageBind(CONFIGS[name])
    fill_on_device(model)
    model.requires_grad_(requires_grad=False).eval()
    for encoder in model.config.trunks:
        lower(model, encoder, precision, CUDA)
    return TorchEngine(model, CUDA, precision)
