"""An engine without weights and decoders without processes, whose arrays are strings.

The vector of an item is [number of its batch, length of its data, 0, 0].
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from bind_inference.decoders.decoding import Decoded
from bind_inference.engine.protocol import ONE_LANE, Computed, EngineInfo, no_pause
from bind_inference.errors import InvalidItem
from bind_inference.items.base64 import decode_base64
from bind_inference.items.bodies import Endpoint, ParsedBody, parse_body
from bind_inference.items.shared_memory import Blob, Shared
from bind_inference.items.slices import Slice
from bind_inference.modality import Modality

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from bind_inference.decoders.protocol import Done, Wanted
    from bind_inference.items.windows import WindowGroup


class FakeEngine:
    """Records what it runs. While `gate` is not set, a forward pass waits."""

    def __init__(self) -> None:
        self.info = EngineInfo("Fake", 4, "cpu", "float32", "fake-float32-0")
        self.lanes = ONE_LANE
        self.rungs = ()
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()
        self.batches: list[tuple[Modality, list[str]]] = []

    def start(
        self,
        modality: Modality,
        tensors: Sequence[str],
        device: int = 0,
        pause: Callable[[], None] = no_pause,
    ) -> Computed:
        return Computed(self.forward(modality, tensors))

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


class FakeDecoders:
    """Decodes in one thread. An item is cut at each `|`; a slice has as many shares as letters.

    A recording lasts a second for each letter.
    """

    def __init__(self, max_item_bytes: int = 1 << 26) -> None:
        self._max_item_bytes = max_item_bytes
        self._thread = ThreadPoolExecutor(1, "fake-decoder")

    def start(self) -> None:
        """There is nothing to start."""

    def check(self) -> None:
        """There is nothing that could be broken."""

    def text(self, data: str) -> Decoded:
        return Decoded(_slices(Modality.TEXT, data), len(data.split()))

    def decode(
        self,
        modality: Modality,
        data: str | Blob,
        wanted: Wanted,
        done: Done[Decoded],
        asked_by: object = None,
        windows: WindowGroup | None = None,
    ) -> None:
        self._run(
            lambda: self._windows(modality, data, windows) if windows else self._decoded(modality, data),
            wanted,
            done,
        )

    def measure(
        self,
        modality: Modality,
        data: str | Blob,
        wanted: Wanted,
        done: Done[int],
        asked_by: object = None,
    ) -> None:
        self._run(lambda: 1000 * len(self._text(data)), wanted, done)

    def _run(self, work: Callable[[], object], wanted: Wanted, done: Done[Any]) -> None:
        def run() -> None:
            if not wanted():
                return
            try:
                done(work(), 0.0)
            except Exception as error:  # noqa: BLE001  (as of a real one)
                done(error, 0.0)

        self._thread.submit(run)

    def read(
        self, kind: Endpoint, raw: Shared, max_items: int, wanted: Wanted, done: Done[ParsedBody]
    ) -> None:
        self._thread.submit(lambda: done(parse_body(kind, raw.read(0, raw.size), max_items), 0.0))

    def waiting(self) -> int:
        return 0

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _decoded(self, modality: Modality, data: str | Blob) -> Decoded:
        if modality is Modality.TEXT:
            return self.text(data.read() if isinstance(data, Blob) else data)
        return Decoded(_slices(modality, self._text(data)))

    def _windows(self, modality: Modality, data: str | Blob, windows: WindowGroup) -> Decoded:
        text = self._text(data)
        stretches = [text[start // 1000 : end // 1000] for start, end in windows.spans]
        return Decoded(
            [Slice(part, 1, modality.entry.unit_gflop, number) for number, part in enumerate(stretches)]
        )

    def _text(self, data: str | Blob) -> str:
        given = data.read() if isinstance(data, Blob) else data
        text = decode_base64(given, self._max_item_bytes).decode()
        if text.startswith("bad"):
            raise InvalidItem("not a good one")
        return text


def _slices(modality: Modality, text: str) -> list[Slice]:
    if text.startswith("bad"):
        raise InvalidItem("not a good one")
    if text.startswith("bug"):
        raise ZeroDivisionError("a bug in the decoder")
    return [Slice(part, max(1, len(part)), modality.entry.unit_gflop) for part in text.split("|")]
