"""The full-size model on the card under seeded weights, one precision at a time."""

import gc

import torch

from bind_gpu.engine import seeded_engine
from bind_inference.engine.precision import Precision
from bind_inference.engine.torch_engine import TorchEngine

CUDA = torch.device("cuda:0")
PRECISIONS = (Precision.FLOAT32, Precision.BFLOAT16, Precision.FLOAT16)
_made: dict[Precision, TorchEngine] = {}


def engine(precision: Precision) -> TorchEngine:
    """Return an engine of full size; only the last one is kept."""
    if precision not in _made:
        _made.clear()
        gc.collect()
        torch.cuda.empty_cache()
        _made[precision] = seeded_engine(precision)
    return _made[precision]
