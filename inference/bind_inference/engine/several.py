"""Several devices with a copy of one model each are one engine: all are fed from one queue."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bind_inference.engine.protocol import no_pause

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bind_inference.engine.protocol import Engine, Started
    from bind_inference.items.slices import Tensor
    from bind_inference.modality import Modality


class SeveralDevices:
    """The lanes of all `engines`, which have one device each, side by side."""

    def __init__(self, engines: Sequence[Engine]) -> None:
        """The first of `engines` tells what the vectors come from: the models are copies of one."""
        self._engines = tuple(engines)
        first = self._engines[0]
        self.info = replace(first.info, device=f"{len(self._engines)} x {first.info.device}")
        self.rungs = first.rungs
        self.lanes = tuple(
            replace(lane, device=number)
            for number, engine in enumerate(self._engines)
            for lane in engine.lanes
        )

    def start(
        self,
        modality: Modality,
        tensors: Sequence[Tensor],
        device: int = 0,
        pause: Callable[[], None] = no_pause,
    ) -> Started:
        """Start a batch on the device of that number; see `Engine.start`."""
        return self._engines[device].start(modality, tensors, pause=pause)
