"""Check the published checkpoint, convert it once to safetensors, and memory-map that."""

import pickle
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from bind_inference.weights.errors import ORIGIN, WeightsError
from bind_inference.weights.files import disk_error, rename_durably
from bind_inference.weights.progress import Progress, Stage
from bind_inference.weights.wholeness import CONTENT_SUM, content_sum

SOURCE_SHA256 = "source_sha256"
"""The metadata that name the checkpoint a file was converted from."""
_TABLE = "token_embedding.weight"


def convert(
    checkpoint: Path,
    target: Path,
    sha256: str,
    shapes: Mapping[str, torch.Size],
    progress: Callable[[Progress], None],
    describe: Callable[[Mapping[str, Tensor]], Mapping[str, str]],
) -> None:
    """Write the tensors of a PyTorch `checkpoint` to `target` as safetensors, float32, in one durable rename.

    shapes: what the model needs, by name. describe: returns what the metadata say of the tensors besides
    their origin and their sum. Nothing but tensors is unpickled, and from a memory map, so that
    this takes no second copy in memory. Raises WeightsError if tensors lack or differ in shape.
    """
    total = checkpoint.stat().st_size
    progress(Progress(Stage.CONVERT, 0, total))
    tensors = _tensors(checkpoint)
    _check_shapes(checkpoint, {name: tensor.shape for name, tensor in tensors.items()}, shapes)
    wanted = {name: tensors[name].float().contiguous() for name in shapes}
    temporary = target.with_suffix(".tmp")
    metadata = {SOURCE_SHA256: sha256, CONTENT_SUM: content_sum(wanted.items()), **describe(wanted)}
    try:
        save_file(wanted, temporary, metadata=metadata)
        rename_durably(temporary, target)
    except (OSError, SafetensorError) as error:
        temporary.unlink(missing_ok=True)
        raise disk_error(
            error if isinstance(error, OSError) else OSError(0, str(error)), temporary
        ) from error
    progress(Progress(Stage.CONVERT, total, total))


def read(
    path: Path, shapes: Mapping[str, torch.Size], progress: Callable[[Progress], None]
) -> Iterator[tuple[str, Tensor]]:
    """Yield the tensors of a converted file, by name, mapped and not read until they are used.

    Tables of embeddings have a map of their own: they may stay in it, when the others have been laid out anew
    and theirs is to go.
    """
    total = path.stat().st_size
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            found = {name: torch.Size(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
            _check_shapes(path, found, shapes)
            done = 0
            for name in shapes:
                tensor = _alone(path, name) if name.endswith(_TABLE) else file.get_tensor(name)
                done += tensor.nbytes
                progress(Progress(Stage.LOAD, done, total))
                yield name, tensor
    except SafetensorError as error:
        raise WeightsError(f"{path} is damaged ({error}): delete it, it will be made anew") from error


def _alone(path: Path, name: str) -> Tensor:
    with safe_open(path, framework="pt", device="cpu") as file:
        tensor: Tensor = file.get_tensor(name)
        return tensor


def _tensors(checkpoint: Path) -> Mapping[str, Tensor]:
    try:
        loaded = torch.load(checkpoint, map_location="cpu", mmap=True, weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError, ValueError) as error:
        raise WeightsError(
            f"{checkpoint} is not a PyTorch checkpoint of plain tensors: check {ORIGIN} "
            f"({' '.join(str(error).split())[:200]})"
        ) from error
    if not isinstance(loaded, dict) or not all(isinstance(value, Tensor) for value in loaded.values()):
        raise WeightsError(f"{checkpoint} holds no table of tensors: check {ORIGIN}")
    return loaded


def _check_shapes(path: Path, found: Mapping[str, torch.Size], wanted: Mapping[str, torch.Size]) -> None:
    for name, shape in wanted.items():
        if name not in found:
            raise WeightsError(f"{path} is not of this model: it lacks {name}; check {ORIGIN}")
        if found[name] != shape:
            raise WeightsError(
                f"{path} is not of this model: {name} is {list(found[name])}, not {list(shape)}; "
                f"check {ORIGIN}"
            )
