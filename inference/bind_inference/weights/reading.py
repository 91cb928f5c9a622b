"""A model with its weights in place: seeded for Tiny, the published checkpoint for ImageBindHuge."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor

from bind_inference.model import CONFIGS, ImageBind
from bind_inference.weights.checkpoint import read
from bind_inference.weights.errors import WeightsError
from bind_inference.weights.known_answers import KNOWN_ANSWERS, all_answers, pack_answers, unpack_answers
from bind_inference.weights.progress import Progress
from bind_inference.weights.seeded import fill
from bind_inference.weights.source import CONVERTED, Source, converted, locate

SEEDED = "Tiny"
PUBLISHED_URL = "https://dl.fbaipublicfiles.com/imagebind/imagebind_huge.pth"
PUBLISHED_SHA256 = "d6f6c22bedcc90708448d5d2fbb7b2db9c73f505dc89bd0b2e09b23af1b62157"

Report = Callable[[Progress], None]


@dataclass(frozen=True)
class Weights:
    """A model as it was read, and what it must answer (see `known_answers`); None: its file does not say."""

    model: ImageBind
    answers: Mapping[str, Tensor] | None


def named_source(path: Path | None = None, url: str | None = None, sha256: str | None = None) -> Source:
    """Return the checkpoint that settings name; what they leave out is the publisher's."""
    return Source((sha256 or PUBLISHED_SHA256).lower(), url or PUBLISHED_URL, path)


def seeded_model() -> ImageBind:
    """Return Tiny ready for inference on the CPU, in float32; it needs no file."""
    model = ImageBind(CONFIGS[SEEDED])
    fill(model)
    return _assemble(SEEDED, model.state_dict().items())


def read_model(name: str, source: Source, cache_dir: Path, progress: Report = lambda _: None) -> ImageBind:
    """Return the model of `read_weights`."""
    return read_weights(name, source, cache_dir, progress).model


def read_weights(name: str, source: Source, cache_dir: Path, progress: Report = lambda _: None) -> Weights:
    """Return the model `name` (a key of CONFIGS) ready for inference on the CPU, in float32.

    Tiny needs no file. ImageBindHuge is read from the path of `source` (see `weights.source`) where it has
    one; otherwise it is downloaded from its address into `cache_dir` once, checked against its SHA-256,
    converted to safetensors and memory-mapped. `progress` is called at each step. Raises WeightsError, whose
    message says what is wrong and the remedy.
    """
    if name not in CONFIGS:
        raise WeightsError(f"unknown model {name!r}: choose one of {', '.join(CONFIGS)}")
    if name == SEEDED:
        return Weights(seeded_model(), None)
    shapes = _shapes(name)
    path = converted(name, source, cache_dir, shapes, progress, _describer(name))
    with safe_open(path, framework="pt", device="cpu") as file:
        answers = unpack_answers((file.metadata() or {}).get(KNOWN_ANSWERS))
    return Weights(_assemble(name, read(path, shapes, progress)), answers)


def convert_weights(name: str, source: Source, folder: Path, progress: Report = lambda _: None) -> Path:
    """Return the safetensors file of model `name`, made in `folder` of the checkpoint `source`.

    One that is in `folder` already is not made again. The checkpoint is found as `read_model` finds it.
    Raises WeightsError, also where what is found is converted already and lies elsewhere.
    """
    if source.path is not None:
        found = locate(source.path, name, source.sha256)
        if found.suffix == CONVERTED and found.parent.absolute() != folder.absolute():
            raise WeightsError(f"{found} is converted already; copy it as it is")
    return converted(name, source, folder, _shapes(name), progress, _describer(name))


def _shapes(name: str) -> Mapping[str, torch.Size]:
    with torch.device("meta"):
        return {key: tensor.shape for key, tensor in ImageBind(CONFIGS[name]).state_dict().items()}


def _describer(name: str) -> Callable[[Mapping[str, Tensor]], Mapping[str, str]]:
    """Return what makes the metadata of a converted file: what the model answers with these tensors."""

    def describe(tensors: Mapping[str, Tensor]) -> Mapping[str, str]:
        return {KNOWN_ANSWERS: pack_answers(all_answers(_assemble(name, tensors.items())))}

    return describe


def _assemble(name: str, tensors: Iterable[tuple[str, Tensor]]) -> ImageBind:
    """Return the model made of `tensors`."""
    with torch.device("meta"):
        model = ImageBind(CONFIGS[name])
    buffers = {name for name, _ in model.named_buffers()}
    # A buffer that stayed in the map would keep all of the file mapped: 4.8 GB of resident pages.
    state = {key: tensor.clone() if key in buffers else tensor for key, tensor in tensors}
    model.load_state_dict(state, assign=True)
    return model.requires_grad_(requires_grad=False).eval()
