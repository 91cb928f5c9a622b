"""A model with its weights in place: seeded for Tiny, the published checkpoint for ImageBindHuge."""

import fcntl
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

import torch
from torch import Tensor

from bind_inference.model import CONFIGS, ImageBind
from bind_inference.weights.checkpoint import convert, read
from bind_inference.weights.download import check_sum, disk_error, fetch
from bind_inference.weights.errors import WeightsError
from bind_inference.weights.progress import Progress, Stage
from bind_inference.weights.seeded import fill

__all__ = ["PUBLISHED_SHA256", "PUBLISHED_URL", "SEEDED", "Progress", "Stage", "WeightsError", "load_model"]

SEEDED = "Tiny"
PUBLISHED_URL = "https://dl.fbaipublicfiles.com/imagebind/imagebind_huge.pth"
PUBLISHED_SHA256 = "d6f6c22bedcc90708448d5d2fbb7b2db9c73f505dc89bd0b2e09b23af1b62157"


def load_model(
    name: str,
    device: torch.device | str,
    dtype: torch.dtype,
    *,
    cache_dir: Path,
    weights_url: str | None = None,
    weights_sha256: str | None = None,
    progress: Callable[[Progress], None] = lambda _: None,
) -> ImageBind:
    """Return the model `name` (a key of CONFIGS) ready for inference, its floats as `dtype` on `device`.

    Tiny needs no file. ImageBindHuge is downloaded from `weights_url` (http, https; or a file address) into
    `cache_dir` once, checked against `weights_sha256`, converted to safetensors and memory-mapped;
    unset, these two are the publisher's. `progress` is told of each step. Raises WeightsError, whose
    message says what is wrong and the remedy.
    """
    if name not in CONFIGS:
        raise WeightsError(f"unknown model {name!r}: choose one of {', '.join(CONFIGS)}")
    if name == SEEDED:
        model = ImageBind(CONFIGS[name])
        fill(model)
        return _assemble(name, model.state_dict().items(), device, dtype)
    sha256 = (weights_sha256 or PUBLISHED_SHA256).lower()
    shapes = _shapes(name)
    path = _converted(name, cache_dir, weights_url or PUBLISHED_URL, sha256, shapes, progress)
    return _assemble(name, read(path, shapes, progress), device, dtype)


def _shapes(name: str) -> Mapping[str, torch.Size]:
    with torch.device("meta"):
        return {key: tensor.shape for key, tensor in ImageBind(CONFIGS[name]).state_dict().items()}


def _converted(
    name: str,
    cache_dir: Path,
    url: str,
    sha256: str,
    shapes: Mapping[str, torch.Size],
    progress: Callable[[Progress], None],
) -> Path:
    """Return the safetensors file of the checkpoint `sha256`, made first if it is not in the cache."""
    target = cache_dir / f"{name}-{sha256[:16]}.safetensors"
    if target.exists():
        return target
    with _alone_in(cache_dir):
        if target.exists():  # another server made it while this one waited
            return target
        parts = urlsplit(url)
        if parts.scheme == "file":
            source = Path(unquote(parts.path))
            _check_file(source, sha256, progress)
            convert(source, target, sha256, shapes, progress)
            return target
        source = cache_dir / f"{sha256}.pth"
        if not source.exists():
            fetch(url, source, sha256, progress)
        convert(source, target, sha256, shapes, progress)
        source.unlink()  # the cache need not hold both
        return target


@contextmanager
def _alone_in(cache_dir: Path) -> Iterator[None]:
    """Hold the cache: servers that share it download once, the others wait for the first."""
    lock = cache_dir / ".lock"
    try:
        cache_dir.mkdir(parents=True, exist_ok=True)
        file = lock.open("w")
    except OSError as error:
        raise disk_error(error, lock) from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)  # released when the file is closed, also by a crash
        yield


def _check_file(source: Path, sha256: str, progress: Callable[[Progress], None]) -> None:
    try:
        found = check_sum(source, progress)
    except OSError as error:
        raise WeightsError(f"cannot read {source}: {error.strerror}; check model.weights.url") from error
    if found != sha256:
        raise WeightsError(
            f"{source} has the SHA-256 {found}, not {sha256}: set model.weights.sha256 if it is meant"
        )


def _assemble(
    name: str, tensors: Iterable[tuple[str, Tensor]], device: torch.device | str, dtype: torch.dtype
) -> ImageBind:
    """Return the model made of `tensors`; the scales stay float32: in bfloat16 they would be 0.3% off."""
    with torch.device("meta"):
        model = ImageBind(CONFIGS[name])
    state = {
        # A scale that stayed in the map would keep all of the file mapped: 4.8 GB of resident pages.
        key: tensor.clone().to(device) if key.endswith("log_logit_scale") else tensor.to(device, dtype)
        for key, tensor in tensors
    }
    model.load_state_dict(state, assign=True)
    return model.requires_grad_(requires_grad=False).eval()
