"""Runs the model in one thread."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final

from bind_inference.engine.protocol import Engine, run_batch
from bind_inference.engine.trim import trim

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bind_inference.items.embedding import Vector
    from bind_inference.items.slices import Tensor
    from bind_inference.modality import Modality

    _Work = tuple[Any, Modality, Sequence[Tensor]]

log = logging.getLogger(__name__)

IDLE_S: Final = 5.0


@dataclass(frozen=True)
class BatchResult:
    """A batch has `outcomes` in the order of its items, after `forward_s` in the model."""

    outcomes: list[Vector | Exception]
    forward_s: float


class Worker:
    """The worker runs one batch at a time; it calls `on_done`, `on_death` and `on_idle` in its thread."""

    def __init__(
        self,
        engine: Engine,
        *,
        on_done: Callable[[Any, BatchResult], None],
        on_death: Callable[[BaseException], None],
        prepare: Callable[[], None] = lambda: None,
        on_idle: Callable[[], None] = trim,
    ) -> None:
        self._engine = engine
        self._on_done = on_done
        self._on_death = on_death
        self._prepare = prepare
        self._on_idle = on_idle
        self._batches: SimpleQueue[_Work | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._live, name="forward", daemon=True)

    def start(self) -> None:
        """Start the thread; `prepare` is the first that it calls."""
        self._thread.start()

    def run(self, batch: Any, modality: Modality, tensors: Sequence[Tensor]) -> None:
        """Run `tensors`; `batch` is handed to `on_done` with what came of them."""
        self._batches.put((batch, modality, tensors))

    def stop(self) -> None:
        """End the thread after the batch that it runs."""
        self._batches.put(None)

    def _live(self) -> None:
        try:
            self._prepare()
            while (work := self._next()) is not None:
                batch, modality, tensors = work
                start = time.perf_counter()
                outcomes = run_batch(self._engine, modality, tensors)
                self._on_done(batch, BatchResult(outcomes, time.perf_counter() - start))
        except BaseException as error:  # a thread that ends unseen leaves every client waiting
            log.exception("the forward thread died")
            self._on_death(error)

    def _next(self) -> _Work | None:
        """Return the next batch, None to end; call `on_idle` where none comes for a while."""
        try:
            return self._batches.get(timeout=IDLE_S)
        except Empty:
            self._on_idle()
            return self._batches.get()
