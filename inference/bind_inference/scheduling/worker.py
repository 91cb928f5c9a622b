"""Runs the batches of a lane in threads of its own."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final

from bind_inference.engine.protocol import Engine, no_pause, start_batch
from bind_inference.engine.trim import trim
from bind_inference.scheduling.policy.pauses import PauseBudget

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bind_inference.engine.protocol import Lane
    from bind_inference.items.embedding import Vector
    from bind_inference.items.slices import Tensor
    from bind_inference.modality import Modality

    _Work = tuple[Any, Modality, Sequence[Tensor]]
    _Under = tuple[Any, Callable[[], list[Vector | Exception]], float]

log = logging.getLogger(__name__)

IDLE_S: Final = 5.0


@dataclass(frozen=True)
class BatchResult:
    """A batch has `outcomes` in the order of its items, after `forward_s` in the model."""

    outcomes: list[Vector | Exception]
    forward_s: float


class Worker:
    """The worker runs the batches of a lane; it calls `on_done`, `on_death` and `on_idle` in its threads.

    Where a lane is one batch deep, one thread does all, and also runs the batches of a lane for pauses: when
    nothing else runs, or in the pauses of what does. Where it is deeper, a second one waits for results, so
    that the next batch can be started meanwhile.
    """

    def __init__(
        self,
        engine: Engine,
        lane: Lane,
        *,
        on_done: Callable[[Any, BatchResult], None],
        on_death: Callable[[BaseException], None],
        prepare: Callable[[], None] = lambda: None,
        on_idle: Callable[[], None] = trim,
    ) -> None:
        self._engine = engine
        self._lane = lane
        self._on_done = on_done
        self._on_death = on_death
        self._prepare = prepare
        self._on_idle = on_idle
        self._batches: SimpleQueue[_Work] = SimpleQueue()
        self._for_pauses: SimpleQueue[_Work] = SimpleQueue()
        self._signals: SimpleQueue[None] = SimpleQueue()  # at least one for each batch in either queue
        self._stopping = False
        self._budget = PauseBudget()
        self._paused_s = 0.0
        self._started: SimpleQueue[_Under | None] = SimpleQueue()
        self._ended_at = 0.0

    def start(self) -> None:
        """Start the threads; `prepare` is the first that the one that computes calls."""
        loops = {"forward": self._run}
        if self._lane.depth > 1:
            loops["finish"] = self._finish
        for name, loop in loops.items():
            threading.Thread(target=self._live, args=(loop,), name=name, daemon=True).start()

    def run(
        self, batch: Any, modality: Modality, tensors: Sequence[Tensor], *, in_pauses: bool = False
    ) -> None:
        """Run `tensors`; `batch` is handed to `on_done` with what came of them."""
        (self._for_pauses if in_pauses else self._batches).put((batch, modality, tensors))
        self._signals.put(None)

    def stop(self) -> None:
        """End the threads after the batches that they have."""
        self._stopping = True
        self._signals.put(None)

    def _live(self, loop: Callable[[], None]) -> None:
        try:
            loop()
        except BaseException as error:  # a thread that ends unseen leaves every client waiting
            log.exception("the forward thread died")
            self._on_death(error)

    def _run(self) -> None:
        self._prepare()
        while (work := self._next()) is not None:
            self._begin(*work, pause=self._pause)
            del work  # it holds items while nothing comes
        self._started.put(None)

    def _begin(
        self,
        batch: Any,
        modality: Modality,
        tensors: Sequence[Tensor],
        *,
        pause: Callable[[], None] = no_pause,
    ) -> None:
        began, paused_s = time.perf_counter(), self._paused_s
        outcomes = start_batch(self._engine, modality, tensors, self._lane.device, pause)
        if self._lane.depth == 1:
            found = outcomes()
            forward_s = time.perf_counter() - began - (self._paused_s - paused_s)
            self._on_done(batch, BatchResult(found, forward_s))
        else:
            self._started.put((batch, outcomes, began))

    def _pause(self) -> None:
        """Run what waits for a pause, as much as may."""
        while self._may_interrupt():
            began = time.perf_counter()
            self._interrupt(*self._for_pauses.get_nowait())
            self._paused_s += time.perf_counter() - began

    def _may_interrupt(self) -> bool:
        return not self._for_pauses.empty() and self._budget.may_interrupt(time.perf_counter())

    def _interrupt(self, batch: Any, modality: Modality, tensors: Sequence[Tensor]) -> None:
        began = time.perf_counter()
        self._begin(batch, modality, tensors)
        self._budget.interrupted(began, time.perf_counter())

    def _finish(self) -> None:
        while (under_way := self._started.get()) is not None:
            self._end(*under_way)
            del under_way

    def _end(self, batch: Any, outcomes: Callable[[], list[Vector | Exception]], began: float) -> None:
        found = outcomes()
        before, self._ended_at = self._ended_at, time.perf_counter()
        # Behind another batch it was not in the model before that had ended.
        self._on_done(batch, BatchResult(found, self._ended_at - max(began, before)))

    def _next(self) -> _Work | None:
        """Return the next batch, None to end; call `on_idle` where none comes for a while."""
        while True:
            try:
                self._signals.get(timeout=IDLE_S)
            except Empty:
                self._on_idle()
                self._signals.get()
            if not self._batches.empty():
                self._pause()
                return self._batches.get_nowait()
            if not self._for_pauses.empty():
                return self._for_pauses.get_nowait()
            if self._stopping:
                return None
