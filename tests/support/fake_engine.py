"""An engine without weights: an item's vector is [number of its batch, length of its data, 0, 0]."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np

from bind_inference.batching import gflop
from bind_inference.engine import EngineInfo, Slice
from bind_inference.errors import InvalidItem

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from bind_inference.modality import Modality


class FakeEngine:
    """Records what it runs. While `gate` is not set, a forward pass waits."""

    def __init__(self) -> None:
        self.info = EngineInfo("Fake", 4, "cpu", "float32", "fake-float32-0")
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()
        self.batches: list[tuple[Modality, list[str]]] = []

    def preprocess(self, modality: Modality, data: bytes | str) -> str:
        text = data if isinstance(data, str) else data.decode()
        if text.startswith("bad"):
            raise InvalidItem("not a good one")
        if text.startswith("bug"):
            raise ZeroDivisionError("a bug in the decoder")
        return text

    def tokens(self, tensor: str) -> int:
        return len(tensor.split())

    def slices(self, modality: Modality, tensor: str, max_gflop: float) -> list[Slice]:
        """An item is cut at each `|`; a slice has as many shares as letters."""
        return [Slice(part, max(1, len(part)), gflop(modality, 1)) for part in tensor.split("|")]

    def forward(self, modality: Modality, tensors: Sequence[str]) -> npt.NDArray[np.float32]:
        self.entered.set()
        assert self.gate.wait(10)
        if "poison" in tensors:
            raise RuntimeError("the model cannot take this")
        if "kill" in tensors:
            raise SystemExit
        self.batches.append((modality, list(tensors)))
        vectors = np.array([[len(self.batches), len(text), 0, 0] for text in tensors], np.float32)
        for vector, text in zip(vectors, tensors, strict=True):
            if text == "infinite":
                vector[3] = np.inf
        return vectors
