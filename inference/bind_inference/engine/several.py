"""Several devices with a copy of one model each, or several threads with one, are one engine."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bind_inference.engine.protocol import no_pause

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bind_inference.engine.protocol import Engine, Started
    from bind_inference.items.slices import Tensor
    from bind_inference.modality import Modality


class SideBySide:
    """The lanes of all `engines`, which have one device each, or of one that is named several times."""

    def __init__(self, engines: Sequence[Engine]) -> None:
        """The first of `engines` tells what the vectors come from: the models are copies of one."""
        self._engines = tuple(engines)
        first = self._engines[0]
        devices = len(set(self._engines))
        self.info = (
            replace(first.info, device=f"{devices} x {first.info.device}") if devices > 1 else first.info
        )
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
        """Start a batch by the engine of that number; see `Engine.start`."""
        return self._engines[device].start(modality, tensors, pause=pause)
