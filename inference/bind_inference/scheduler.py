"""The loop between requests and the model: decode each item, queue it, cut a batch, run it, answer the item.

All state belongs to the event loop's thread; the decoders and the forward thread come back to it by
`call_soon_threadsafe`.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from bind_inference.admission import Budget
from bind_inference.batching import WEIGHTS, Batcher, Policy
from bind_inference.errors import BindError, NotReady
from bind_inference.modality import Modality
from bind_inference.payload import decode_base64
from bind_inference.worker import Ran, Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bind_inference.engine import Engine, EngineInfo, Tensor, Vector
    from bind_inference.metrics import Metrics

# Characters up to which a text is tokenized at once: below it a thread costs more than it spares.
INLINE_TEXT: Final = 2000


@dataclass(frozen=True)
class Embedding:
    """A vector, float32 [dimension], and the number of tokens if it was a text."""

    vector: Vector
    tokens: int = 0


@dataclass(eq=False, slots=True)
class Job:
    """One item on its way; identical items of a request share one."""

    modality: Modality
    data: str
    future: asyncio.Future[Embedding | Exception]
    tensor: Tensor = None
    tokens: int = 0
    queued_at: float = 0.0

    @property
    def abandoned(self) -> bool:
        """Whether its client has hung up."""
        return self.future.cancelled()

    def finish(self, outcome: Embedding | Exception) -> None:
        """Answer, unless nobody waits any more."""
        self.data, self.tensor = "", None
        if not self.future.done():
            self.future.set_result(outcome)


@dataclass(frozen=True)
class Limits:
    """What the scheduler may hold and use."""

    policy: Policy = field(default_factory=Policy)
    max_items: int = 4096
    max_bytes: int = 1 << 30
    max_item_bytes: int = 1 << 26
    decode_threads: int = 1


class Scheduler:
    """Turns items into vectors, many requests at once."""

    def __init__(
        self,
        engine: Engine,
        limits: Limits,
        metrics: Metrics,
        *,
        on_death: Callable[[BaseException], None] = lambda _: None,
        prepare_decoder: Callable[[], None] = lambda: None,
        prepare_forward: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._limits = limits
        self._metrics = metrics
        self._clock = clock
        self._on_death = on_death
        self._loop = asyncio.get_running_loop()
        self._batcher = Batcher[Job](limits.policy)
        self._items = Budget(limits.max_items, "items")
        self._bytes = Budget(limits.max_bytes, "bytes")
        self._decoders = ThreadPoolExecutor(limits.decode_threads, "decode", initializer=prepare_decoder)
        self._worker = Worker(
            engine,
            on_done=lambda batch, ran: self._in_loop(self._ran, batch, ran),
            on_death=lambda error: self._in_loop(self._died, error),
            prepare=prepare_forward,
        )
        self._running: list[Job] = []
        self._jobs: set[Job] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._closed: NotReady | None = None
        metrics.watch(
            self._batcher.depth, {"items": lambda: self._items.held, "bytes": lambda: self._bytes.held}
        )
        self._worker.start()

    @property
    def info(self) -> EngineInfo:
        """What the vectors come from."""
        return self._engine.info

    @property
    def bytes_held(self) -> Budget:
        """The budget of bodies and decoded items; whoever reads a body takes from it."""
        return self._bytes

    async def embed(self, items: Sequence[tuple[Modality, str]]) -> list[Embedding | BindError]:
        """Return, item by item, its embedding or what is wrong with it.

        items: text as it is, media in base64. Raises QueueFull or RequestTooLarge, and then nothing was
        queued; NotReady when the forward thread has died. If the caller is cancelled, so are its items.
        """
        if self._closed:
            raise self._closed
        decoded_bytes = sum(WEIGHTS[modality].decoded_bytes for modality, _ in items)
        with self._items.hold(len(items)), self._bytes.hold(decoded_bytes):
            jobs: dict[tuple[Modality, str], Job] = {}
            for key in items:
                if key not in jobs:
                    jobs[key] = Job(*key, self._loop.create_future())
            self._jobs.update(jobs.values())
            try:
                for job in jobs.values():
                    self._decode(job)
                outcomes = await asyncio.gather(*(job.future for job in jobs.values()))
            finally:
                self._jobs.difference_update(jobs.values())
        answers = dict(zip(jobs, outcomes, strict=True))
        for outcome in outcomes:
            if isinstance(outcome, Exception) and not isinstance(outcome, BindError):
                raise outcome
        return [answers[key] for key in items]  # type: ignore[misc]  # others were raised above

    def close(self, reason: NotReady) -> None:
        """Answer everything that waits with `reason` and take nothing more."""
        self._closed = reason
        for job in list(self._jobs):
            job.finish(reason)
        self._worker.stop()
        self._decoders.shutdown(wait=False, cancel_futures=True)

    def _decode(self, job: Job) -> None:
        if job.modality is Modality.TEXT and len(job.data) <= INLINE_TEXT:
            self._decoded(job, *self._preprocess(job))
            return
        self._decoders.submit(self._decode_in_thread, job)

    def _decode_in_thread(self, job: Job) -> None:
        if not job.abandoned:
            self._in_loop(self._decoded, job, *self._preprocess(job))

    def _preprocess(self, job: Job) -> tuple[Tensor | None, Exception | None, float]:
        """Return (tensor, None, seconds) or (None, what is wrong, seconds). Any thread."""
        start = time.perf_counter()
        try:
            text = job.modality is Modality.TEXT
            data = job.data if text else decode_base64(job.data, self._limits.max_item_bytes)
            tensor = self._engine.preprocess(job.modality, data)
            job.tokens = self._engine.tokens(tensor) if text else 0
        except Exception as error:  # noqa: BLE001  (it is this item's answer, whatever it is)
            return None, error, time.perf_counter() - start
        return tensor, None, time.perf_counter() - start

    def _decoded(self, job: Job, tensor: Tensor, error: Exception | None, decode_s: float) -> None:
        self._metrics.decoded(job.modality, decode_s)
        if error is not None:
            self._metrics.item(job.modality, error)
            job.finish(error)
            return
        job.data, job.tensor, job.queued_at = "", tensor, self._clock()
        self._batcher.put(job, job.queued_at)
        self._pump()

    def _pump(self) -> None:
        """Give the forward thread a batch if it is free and one is due."""
        if self._running or self._closed:
            return
        if self._timer:
            self._timer.cancel()
            self._timer = None
        now = self._clock()
        batch = self._batcher.next_batch(now)
        if batch:
            self._running = batch
            self._metrics.cut(batch[0].modality, [now - job.queued_at for job in batch])
            self._worker.run(batch, batch[0].modality, [job.tensor for job in batch])
        elif (due := self._batcher.next_due(now)) is not None:
            self._timer = self._loop.call_later(max(0.0, due - now), self._pump)

    def _ran(self, batch: list[Job], ran: Ran) -> None:
        self._running = []
        self._pump()  # first: the model should not wait while the answers are handed out
        self._metrics.ran(batch[0].modality, ran.forward_s)
        for job, outcome in zip(batch, ran.outcomes, strict=True):
            error = outcome if isinstance(outcome, Exception) else None
            self._metrics.item(job.modality, error)
            job.finish(outcome if isinstance(outcome, Exception) else Embedding(outcome, job.tokens))

    def _died(self, error: BaseException) -> None:
        self._running = []
        self.close(NotReady("the server cannot compute any more and must be restarted"))
        self._on_death(error)

    def _in_loop(self, function: Callable[..., None], *arguments: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: the process ends
            self._loop.call_soon_threadsafe(function, *arguments)
