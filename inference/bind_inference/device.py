"""The engine that is a torch model on a CPU or a GPU."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import torch

from bind_inference.engine import DeviceLost, EngineInfo, Tensor
from bind_inference.modality import Modality
from bind_inference.readiness import Phase, Readiness
from bind_inference.weights import PUBLISHED_SHA256, SEEDED, Progress, Stage, load_model

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bind_inference.model import ImageBind
    from bind_inference.settings import Settings

# One item of every encoder; video shares the image's.
WARM_UP: Final[dict[Modality, tuple[int, ...]]] = {
    Modality.TEXT: (77,),
    Modality.IMAGE: (3, 224, 224),
    Modality.AUDIO: (3, 1, 128, 204),
    Modality.IMU: (6, 2000),
    Modality.THERMAL: (1, 224, 224),
    Modality.DEPTH: (1, 224, 224),
}
PREPARATION: Final = 1
"""Raised by one when a change of preprocessing moves vectors."""
_PHASES: Final = {
    Stage.DOWNLOAD: Phase.DOWNLOADING,
    Stage.VERIFY: Phase.LOADING,
    Stage.CONVERT: Phase.LOADING,
    Stage.LOAD: Phase.LOADING,
}


class TorchEngine:
    """An ImageBind model on one device."""

    def __init__(
        self,
        model: ImageBind,
        device: torch.device,
        dtype: torch.dtype,
        space: str = "",
    ) -> None:
        """space: what tells these vectors from others, besides model and precision."""
        self._model = model
        self._device = device
        self._dtype = dtype
        precision = str(dtype).removeprefix("torch.")
        self.info = EngineInfo(
            model=model.config.name,
            dimension=model.config.out_dim,
            device="cpu" if device.type == "cpu" else torch.cuda.get_device_name(device),
            precision=precision,
            fingerprint=f"{model.config.name}-{precision}-{space}",
        )

    def forward(self, modality: Modality, tensors: Sequence[Tensor]) -> npt.NDArray[np.float32]:
        """Return vectors, float32 [items, dimension].

        On a CPU media run one by one: a batch is no faster there, and so an item's vector is the same to the
        last bit whatever runs beside it. Texts are too small for that.
        """
        alone = self._device.type == "cpu" and modality is not Modality.TEXT
        size = 1 if alone else len(tensors)
        parts = [
            self._forward(modality, list(tensors[start : start + size]))
            for start in range(0, len(tensors), size)
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _forward(self, modality: Modality, tensors: list[Tensor]) -> npt.NDArray[np.float32]:
        try:
            with torch.inference_mode():
                batch = torch.stack([torch.as_tensor(tensor) for tensor in tensors]).to(self._device)
                if batch.is_floating_point():
                    batch = batch.to(self._dtype)
                vectors: torch.Tensor = self._model(modality, batch)
                return vectors.float().cpu().numpy()
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
            raise
        except torch.AcceleratorError as error:
            raise DeviceLost(str(error)) from error

    def warm_up(self) -> None:
        """Run every encoder once, so that the first request does not pay for it."""
        for modality, shape in WARM_UP.items():
            dtype = torch.int64 if modality is Modality.TEXT else torch.float32
            self.forward(modality, [torch.zeros(shape, dtype=dtype)])


def load_engine(settings: Settings, report: Callable[[Readiness], None]) -> TorchEngine:
    """Return the engine that `settings` ask for; `report` hears of each phase.

    Raises DeviceLost if a GPU is asked for and there is none, WeightsError if the weights cannot be had.
    """
    if settings.enable_cuda and not torch.cuda.is_available():
        raise DeviceLost(
            "--enable-cuda (ENABLE_CUDA) is true, but no NVIDIA GPU can be used here; set it to 0, "
            "or give the container a GPU"
        )
    device = torch.device("cuda:0" if settings.enable_cuda else "cpu")
    dtype = torch.float32
    report(Readiness(Phase.LOADING))
    model = load_model(
        settings.model,
        device,
        dtype,
        cache_dir=settings.cache_dir,
        weights_path=settings.weights_path,
        weights_url=settings.weights_url,
        weights_sha256=settings.weights_sha256,
        progress=lambda progress: report(_readiness(progress)),
    )
    engine = TorchEngine(model, device, dtype, _space(settings))
    report(Readiness(Phase.WARMING))
    engine.warm_up()
    return engine


def _space(settings: Settings) -> str:
    """Return eight digits of the weights, of how texts are cut and of how media are prepared."""
    weights = PUBLISHED_SHA256 if settings.weights_sha256 is None else settings.weights_sha256
    told = (weights if settings.model == "ImageBindHuge" else SEEDED, settings.text_truncation, PREPARATION)
    return hashlib.blake2b("|".join(map(str, told)).encode(), digest_size=4).hexdigest()


def limit_threads(threads: int) -> None:
    """Make torch use `threads` for the operations of the calling thread."""
    torch.set_num_threads(threads)


def _readiness(progress: Progress) -> Readiness:
    share = progress.done_bytes / progress.total_bytes if progress.total_bytes else None
    return Readiness(_PHASES[progress.stage], detail=progress.stage.value, progress=share)
