"""The engine that is a torch model on a CPU or a GPU."""

from __future__ import annotations

import logging
import os
import sys
import threading
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import torch

from bind_inference.engine.cuda_lane import DEPTH, CudaLane
from bind_inference.engine.graphs import RUNGS, SIZES
from bind_inference.engine.protocol import Capacity, Computed, DeviceLost, EngineInfo, Lane, Started, no_pause
from bind_inference.modality import Modality, one_of_each_trunk
from bind_inference.model.transformer import pausing
from bind_inference.service_class import KINDS, ServiceClass

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from bind_inference.engine.precision import Precision
    from bind_inference.engine.selfcheck.result import CheckResult
    from bind_inference.items.slices import Tensor
    from bind_inference.model import ImageBind
    from bind_inference.service_class import Kind

log = logging.getLogger(__name__)

_RECORDED: Final = {Modality.TEXT, Modality.IMAGE}
_TEXTS: Final = tuple(kind for kind in KINDS if kind.modality is Modality.TEXT)
"""Somebody waits for a text more often than not, and it is small."""
_TEXT_QUERIES: Final = tuple(kind for kind in _TEXTS if kind.service is ServiceClass.QUERY)
"""On a CPU an import of texts would hold up pictures for longer than they it."""
_WARM_UP_TOKENS: Final = 16
_SWITCH_S: Final = 0.0005
"""A thread that wants the interpreter gets it after so long, not after 5 ms. The threads that feed a GPU and
the decoders need it a few times a batch and a picture, each time for some microseconds.
"""


class TorchEngine:
    """An ImageBind model on one device."""

    def __init__(
        self,
        model: ImageBind,
        device: torch.device,
        precision: Precision,
        *,
        space: str = "",
        checks: Sequence[CheckResult] = (),
    ) -> None:
        """The `model` is lowered to `precision` on `device` already.

        space: what sets these vectors apart from others, besides model and precision. checks: the results of
        the precisions that were tried.
        """
        self._model = model
        self._device = device
        self.lanes: Sequence[Lane] = (Lane(_TEXT_QUERIES, in_pauses=True), Lane(_all_but(_TEXT_QUERIES)))
        self.rungs: Sequence[int] = ()
        self._cuda: dict[Modality, CudaLane] = {}
        if device.type != "cpu":
            _prepare_cuda()
            urgent, others = CudaLane(model, device, is_urgent=True), CudaLane(model, device, is_urgent=False)
            self._cuda = {modality: urgent if modality is Modality.TEXT else others for modality in Modality}
            self.lanes = (Lane(_TEXTS, DEPTH), Lane(_all_but(_TEXTS), DEPTH))
            self.rungs = RUNGS
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
        """Return vectors, float32 [items, dimension]. Raises what `start` does."""
        return self.start(modality, tensors).wait()

    def start(
        self,
        modality: Modality,
        tensors: Sequence[Tensor],
        device: int = 0,
        pause: Callable[[], None] = no_pause,
    ) -> Started:
        """Start a batch, on a CPU to the end, with pauses between blocks; `device` is the one of this engine.

        Raises DeviceLost, torch.OutOfMemoryError.

        On a CPU media run one by one: a batch is no faster there, and so an item's vector is the same to the
        last bit whatever runs beside it. Texts are too small for that.
        """
        del device
        alone = self._device.type == "cpu" and modality is not Modality.TEXT
        size = 1 if alone else self._capacity.of(modality, len(tensors))
        parts, places = list[Started](), list[int]()
        for alike in _places_by_shape(tensors):
            for start in range(0, len(alike), size):
                part = alike[start : start + size]
                parts.append(self._start(modality, [tensors[place] for place in part], pause))
                places += part
        return parts[0] if len(parts) == 1 else _Parts(parts, places)

    def _start(self, modality: Modality, tensors: list[Tensor], pause: Callable[[], None]) -> Started:
        try:
            if lane := self._cuda.get(modality):
                return lane.start(modality, tensors)
            with torch.inference_mode(), pausing(pause):
                batch = torch.stack([torch.as_tensor(tensor) for tensor in tensors])
                vectors: torch.Tensor = self._model(modality, batch)
                return Computed(vectors.float().numpy())
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

        Blocks are alike, so on a CPU two of each encoder do: of seven seconds until the server is ready, one
        less. On a GPU the graphs are recorded that most batches of texts and pictures take.
        """
        shortened = nullcontext() if self._cuda else self._model.shortened()
        with shortened:
            for modality in one_of_each_trunk():
                sizes = SIZES if self._cuda and modality in _RECORDED else (1,)
                item = torch.zeros(modality.entry.shape, dtype=getattr(torch, modality.entry.dtype))
                if modality is Modality.TEXT:
                    item[_WARM_UP_TOKENS - 1] = 1  # where the end is
                for size in sizes:
                    self.forward(modality, [item] * size)


def _places_by_shape(tensors: Sequence[Tensor]) -> list[list[int]]:
    """Return the places of those that can be stacked: a window has fewer clips than a whole recording."""
    places: dict[tuple[int, ...], list[int]] = {}
    for place, tensor in enumerate(tensors):
        places.setdefault(tuple(tensor.shape), []).append(place)
    return list(places.values())


@dataclass(frozen=True)
class _Parts:
    """A batch was too large for the device, or of several shapes, and has been started in parts.

    places: where in the batch the items of all parts stand.
    """

    parts: Sequence[Started]
    places: Sequence[int]

    def wait(self) -> npt.NDArray[np.float32]:
        """Return the vectors of all parts."""
        vectors = np.concatenate([part.wait() for part in self.parts])
        ordered = np.empty_like(vectors)
        ordered[list(self.places)] = vectors
        return ordered


def _all_but(kinds: Sequence[Kind]) -> tuple[Kind, ...]:
    return tuple(kind for kind in KINDS if kind not in kinds)


def _prepare_cuda() -> None:
    """Make torch compute as is promised, and not prepare itself anew for each shape.

    Convolutions took TF32, 30 times the error of float32: 2e-5 of a video's vector. cuDNN's attention took
    100 ms at each new size of a batch, and was no faster afterwards than the other kernels.
    """
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.enable_cudnn_sdp(False)
    sys.setswitchinterval(min(sys.getswitchinterval(), _SWITCH_S))


def has_amx() -> bool:
    """Return whether the CPU multiplies matrices in tiles."""
    return bool(torch.cpu.get_capabilities().get("amx_tile"))


def settle_thread(threads: int, cpus: Collection[int] | None = None) -> None:
    """Make torch use `threads` for the operations of the calling thread, on `cpus` where they are given."""
    if cpus is not None:
        os.sched_setaffinity(threading.get_native_id(), cpus)  # those that torch starts inherit it
    torch.set_num_threads(threads)
