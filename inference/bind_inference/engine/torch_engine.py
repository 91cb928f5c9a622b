"""The engine that is a torch model on a CPU or a GPU."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import torch

from bind_inference.engine.lowering import dtype_of
from bind_inference.engine.protocol import Capacity, DeviceLost, EngineInfo
from bind_inference.modality import Modality

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bind_inference.engine.precision import Precision
    from bind_inference.engine.selfcheck.outcome import Outcome
    from bind_inference.items.slices import Tensor
    from bind_inference.model import ImageBind

log = logging.getLogger(__name__)

# One item of every encoder; video shares the image's.
WARM_UP: Final[dict[Modality, tuple[int, ...]]] = {
    Modality.TEXT: (77,),
    Modality.IMAGE: (3, 224, 224),
    Modality.AUDIO: (3, 1, 128, 204),
    Modality.IMU: (6, 2000),
    Modality.THERMAL: (1, 224, 224),
    Modality.DEPTH: (1, 224, 224),
}


class TorchEngine:
    """An ImageBind model on one device."""

    def __init__(
        self,
        model: ImageBind,
        device: torch.device,
        precision: Precision,
        *,
        space: str = "",
        checks: Sequence[Outcome] = (),
    ) -> None:
        """model: lowered to `precision` on `device`.

        space: what tells these vectors from others, besides model and precision. checks: what self-checks
        found of the precisions that were tried.
        """
        self._model = model
        self._device = device
        self._dtype = dtype_of(precision)
        self._capacity = Capacity()
        self.info = EngineInfo(
            model=model.config.name,
            dimension=model.config.out_dim,
            device="cpu" if device.type == "cpu" else torch.cuda.get_device_name(device),
            precision=precision,
            fingerprint=f"{model.config.name}-{precision}-{space}",
            checks=tuple(checks),
        )

    def forward(self, modality: Modality, tensors: Sequence[Tensor]) -> npt.NDArray[np.float32]:
        """Return vectors, float32 [items, dimension].

        On a CPU media run one by one: a batch is no faster there, and so an item's vector is the same to the
        last bit whatever runs beside it. Texts are too small for that.
        """
        alone = self._device.type == "cpu" and modality is not Modality.TEXT
        size = 1 if alone else self._capacity.of(modality, len(tensors))
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
            if len(tensors) > 1:
                most = self._capacity.exceeded(modality, len(tensors))
                log.warning(
                    "a batch did not fit into the device's memory; from now on batches are smaller",
                    extra={"modality": modality, "items": len(tensors), "most": most},
                )
            raise
        except torch.AcceleratorError as error:
            raise DeviceLost(str(error)) from error

    def warm_up(self) -> None:
        """Make whatever a first pass of an encoder has made, so that no request pays for it.

        Blocks are alike, so two of each encoder do: of seven seconds until the server is ready, one less.
        """
        with self._model.shortened():
            for modality, shape in WARM_UP.items():
                dtype = torch.int64 if modality is Modality.TEXT else torch.float32
                self.forward(modality, [torch.zeros(shape, dtype=dtype)])


def has_amx() -> bool:
    """Return whether the CPU multiplies matrices in tiles."""
    return bool(torch.cpu.get_capabilities().get("amx_tile"))


def limit_threads(threads: int) -> None:
    """Make torch use `threads` for the operations of the calling thread."""
    torch.set_num_threads(threads)
