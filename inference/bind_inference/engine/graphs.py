"""Run forward passes of a GPU as CUDA graphs: one launch a batch instead of four hundred.

A text of 16 tokens keeps an H100 busy for a millisecond, but its launches take the interpreter six; and
beside a busy event loop each of them waits for the interpreter's lock anew. A graph has one shape. So batches
are padded up to a ladder of sizes, texts to a ladder of lengths, and what is padded is thrown away. Graphs
are made when they are first needed and share one pool of memory.
"""

from __future__ import annotations

import logging
import threading
from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor

from bind_inference.model.packing import Packing

if TYPE_CHECKING:
    from collections.abc import Callable

    from bind_inference.model import ImageBind

log = logging.getLogger(__name__)

SIZES: Final = (1, 2, 4, 8, 16, 24, 32, 48, 64)
"""Items of a batch, views and clips counted one by one."""
RUNGS: Final = SIZES[SIZES.index(8) :]
"""Above the first of these, padding costs more than to run what fills a size and leave the rest for later: 40
pictures take 48 ms padded to 64, 24 ms and 6 ms as 32 and 8. Below it, a card is not filled anyway.
"""
TEXTS: Final = (*SIZES, 128, 256)
"""Texts of a batch."""
LENGTHS: Final = (8, 16, 32, 77)
"""Tokens of the longest text of a batch."""
MAX_TOKENS: Final = 4096
"""Tokens of a graph, padding counted. More keep the card busy for longer than their launches take, and what
is packed instead has no padding to compute.
"""
_one_recording = threading.Lock()
"""Each begins by giving the device's free memory back, which none survives."""
_SPARE_BYTES: Final = 2 << 30
"""Memory that must be free before a graph is made: one that ran out of it half-way could not be undone."""


def rung(ladder: tuple[int, ...], value: int) -> int | None:
    """Return the lowest rung of `ladder` (ascending) that is at least `value`; None above the last."""
    place = bisect_left(ladder, value)
    return ladder[place] if place < len(ladder) else None


Inputs = tuple[Tensor, ...]


@dataclass(frozen=True)
class Recorded:
    """A graph with the memory that it reads and the vectors that it writes."""

    graph: torch.cuda.CUDAGraph
    inputs: Inputs
    vectors: Tensor


# Encoder, items, and the shape and type of one: stills and clips share an encoder.
_Key = tuple[str, int, torch.Size, torch.dtype]


class Graphs:
    """Encodes batches by graphs where there is one for their size, else by the model itself.

    One thread calls. What is returned is overwritten by the next call.
    """

    def __init__(
        self, model: ImageBind, device: torch.device, stream: torch.cuda.Stream | None = None
    ) -> None:
        """The `model` is lowered already, on `device`, a GPU; calls are made with `stream` as current one."""
        self._model = model
        self._device = device
        self._stream = stream
        self._recorded: dict[_Key, Recorded] = {}
        self._pool: Any = None  # torch has no public name for it

    def encode(self, encoder: str, batch: Tensor) -> Tensor:
        """Return vectors [items, dimension] of `batch` [items, ...], as ImageBind.encode does."""
        fitting = fit_texts(batch) if encoder == "text" else fit(batch)
        if fitting is None:
            return self._model.encode(encoder, batch)
        size, inputs = fitting
        recorded = self._find(encoder, size, inputs)
        if recorded is None:
            return self._model.encode(encoder, batch)
        items = len(batch)
        for there, here in zip(recorded.inputs, inputs, strict=True):
            there[:items].copy_(here, non_blocking=True)
        recorded.graph.replay()
        return recorded.vectors[:items]

    def _find(self, encoder: str, size: int, inputs: Inputs) -> Recorded | None:
        """Return the graph of a batch of `size` items shaped as those of `inputs`; None: no memory for it."""
        key = (encoder, size, inputs[0].shape[1:], inputs[0].dtype)
        if key not in self._recorded:
            free, _ = torch.cuda.mem_get_info(self._device)
            if free < _SPARE_BYTES:
                return None
            self._recorded[key] = self._record(encoder, size, inputs)
        return self._recorded[key]

    def _record(self, encoder: str, size: int, inputs: Inputs) -> Recorded:
        """Return the graph of a batch of `size` items that are shaped as those of `inputs`."""
        there = buffers(inputs, size, self._device)
        run = self._run(encoder, there)
        for _ in range(2):  # what a first pass makes (workspaces, kernels) must not be recorded
            run()
        if self._pool is None:
            self._pool = torch.cuda.graph_pool_handle()
        graph = torch.cuda.CUDAGraph()
        # Only this thread's calls are recorded and held to what a recording allows: the other lane goes on.
        recording = torch.cuda.graph(
            graph, pool=self._pool, stream=self._stream, capture_error_mode="thread_local"
        )
        with _one_recording, recording:
            vectors = run()
        log.debug("a graph was recorded", extra={"encoder": encoder, "size": size})
        return Recorded(graph, there, vectors)

    def _run(self, encoder: str, there: Inputs) -> Callable[[], Tensor]:
        """Return what encodes the batch that lies in the memory `there`."""
        if encoder != "text":
            return lambda: self._model.encode(encoder, there[0])
        # The packing within: it is made of numbers that differ from batch to batch.
        return lambda: self._model.encode_packed(there[0], padded(*there))


def buffers(inputs: Inputs, size: int, device: torch.device) -> Inputs:
    """Return memory on `device` for batches of `size` items shaped as those of `inputs`.

    It is filled with the first item: what stays there as padding must be finite numbers.
    """
    return tuple(part[:1].to(device).expand(size, *part.shape[1:]).contiguous() for part in inputs)


def fit(batch: Tensor) -> tuple[int, Inputs] | None:
    """Return the size of the graph that a batch of media takes, and what it is given; None: there is none."""
    size = rung(SIZES, len(batch))
    return None if size is None else (size, (batch,))


def fit_texts(rows: Tensor) -> tuple[int, Inputs] | None:
    """Return what `fit` returns, for texts, int64 [texts, 77], which are padded to a length of LENGTHS.

    What their graph is given: ids, int64 [texts, length]; the place of each text's end token in its row,
    int64 [texts]; what that token sees, bool [texts, 1, 1, length].
    """
    lengths = rows.argmax(dim=-1) + 1
    size, length = rung(TEXTS, len(rows)), rung(LENGTHS, int(lengths.max()))
    if size is None or length is None or size * length > MAX_TOKENS:
        return None
    mask = torch.arange(length) < lengths[:, None]
    return size, (rows[:, :length], lengths - 1, mask[:, None, None, :])


def padded(ids: Tensor, last: Tensor, mask: Tensor) -> Packing:
    """Return a packing in which every row of ids [texts, length] is as long as the longest.

    Behind its end token a text goes on with padding, at which no token before it looks.
    """
    texts, length = ids.shape
    places = torch.arange(texts * length, device=ids.device)
    rows = torch.arange(texts, device=ids.device) * length
    return Packing(places, places.view(texts, length), rows + last, mask)
