"""A model with its weights in place: seeded for Tiny, the published checkpoint for ImageBindHuge."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import torch
from torch import Tensor

from bind_inference.model import CONFIGS, ImageBind
from bind_inference.weights.checkpoint import read
from bind_inference.weights.errors import WeightsError
from bind_inference.weights.progress import Progress, Stage
from bind_inference.weights.seeded import fill
from bind_inference.weights.source import CONVERTED, Source, converted, locate

__all__ = [
    "PUBLISHED_SHA256",
    "PUBLISHED_URL",
    "SEEDED",
    "Progress",
    "Stage",
    "WeightsError",
    "checkpoint_sha256",
    "convert_weights",
    "load_model",
]

SEEDED = "Tiny"
PUBLISHED_URL = "https://dl.fbaipublicfiles.com/imagebind/imagebind_huge.pth"
PUBLISHED_SHA256 = "d6f6c22bedcc90708448d5d2fbb7b2db9c73f505dc89bd0b2e09b23af1b62157"


def checkpoint_sha256(told: str | None) -> str:
    """Return the SHA-256 of the checkpoint: the one that a setting tells, or else the published file's."""
    return (told or PUBLISHED_SHA256).lower()


def load_model(
    name: str,
    *,
    cache_dir: Path,
    weights_path: Path | None = None,
    weights_url: str | None = None,
    weights_sha256: str | None = None,
    progress: Callable[[Progress], None] = lambda _: None,
) -> ImageBind:
    """Return the model `name` (a key of CONFIGS) ready for inference on the CPU, in float32.

    Tiny needs no file. ImageBindHuge is read from `weights_path` (see `weights.source`) where that is given;
    otherwise it is downloaded from `weights_url` (http, https; or a file address) into `cache_dir` once,
    checked against `weights_sha256`, converted to safetensors and memory-mapped; unset, these two are the
    publisher's. `progress` is told of each step. Raises WeightsError, whose message says what is wrong and
    the remedy.
    """
    if name not in CONFIGS:
        raise WeightsError(f"unknown model {name!r}: choose one of {', '.join(CONFIGS)}")
    if name == SEEDED:
        model = ImageBind(CONFIGS[name])
        fill(model)
        return _assemble(name, model.state_dict().items())
    source = _source(weights_path, weights_url, weights_sha256)
    shapes = _shapes(name)
    path = converted(name, source, cache_dir, shapes, progress)
    return _assemble(name, read(path, shapes, progress))


def convert_weights(
    name: str,
    folder: Path,
    *,
    weights_path: Path | None = None,
    weights_url: str | None = None,
    weights_sha256: str | None = None,
    progress: Callable[[Progress], None] = lambda _: None,
) -> Path:
    """Return the safetensors file of model `name`, made in `folder` of the checkpoint that is named.

    One that is in `folder` already is not made again. The checkpoint is found as `load_model` finds it.
    Raises WeightsError, also where what is found is converted already and lies elsewhere.
    """
    source = _source(weights_path, weights_url, weights_sha256)
    if source.path is not None:
        found = locate(source.path, name, source.sha256)
        if found.suffix == CONVERTED and found.parent.absolute() != folder.absolute():
            raise WeightsError(f"{found} is converted already; copy it as it is")
    return converted(name, source, folder, _shapes(name), progress)


def _source(path: Path | None, url: str | None, sha256: str | None) -> Source:
    return Source(checkpoint_sha256(sha256), url or PUBLISHED_URL, path)


def _shapes(name: str) -> Mapping[str, torch.Size]:
    with torch.device("meta"):
        return {key: tensor.shape for key, tensor in ImageBind(CONFIGS[name]).state_dict().items()}


def _assemble(name: str, tensors: Iterable[tuple[str, Tensor]]) -> ImageBind:
    """Return the model made of `tensors`."""
    with torch.device("meta"):
        model = ImageBind(CONFIGS[name])
    buffers = {name for name, _ in model.named_buffers()}
    # A buffer that stayed in the map would keep all of the file mapped: 4.8 GB of resident pages.
    state = {key: tensor.clone() if key in buffers else tensor for key, tensor in tensors}
    model.load_state_dict(state, assign=True)
    return model.requires_grad_(requires_grad=False).eval()
