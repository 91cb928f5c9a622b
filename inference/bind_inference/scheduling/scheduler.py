"""Runs the loop between requests and model: decode an item, queue it, cut a batch, run it, resolve the item.

All state belongs to the event loop's thread; the decoders' threads and the forward thread come back to it by
`call_soon_threadsafe`. Media and long texts are decoded in processes of their own, short texts here.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

from bind_inference.errors import BindError, NotReady, PoisonItem, SuspectRuns
from bind_inference.items.embedding import Embedding, Key
from bind_inference.items.shared_memory import Blob
from bind_inference.modality import Modality
from bind_inference.scheduling.jobs import Job, Part, Share, SingleFlight, Waiter
from bind_inference.scheduling.lanes import BusyLane, cut_next, earliest
from bind_inference.scheduling.policy.admission import RESERVED_SHARE, Budget
from bind_inference.scheduling.policy.batching import Batcher, Policy
from bind_inference.scheduling.policy.cache import VectorCache
from bind_inference.scheduling.policy.texts import is_quick
from bind_inference.scheduling.quarantine import Quarantine
from bind_inference.scheduling.turns import Pace, Turns
from bind_inference.scheduling.worker import BatchResult, Worker
from bind_inference.service_class import kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bind_inference.decoders.decoding import Decoded
    from bind_inference.decoders.protocol import Decoders
    from bind_inference.engine.protocol import Engine, EngineInfo, Lane
    from bind_inference.items.embedding import Vector
    from bind_inference.telemetry.metrics import Metrics
    from bind_inference.telemetry.spans import Spans

# Items that are looked up and queued without waiting for a turn of the loop: half a millisecond.
UNPACED_ITEMS: Final = 32
# Characters of one request that are hashed at once (0.1 ms); the rest is hashed in a thread, because 60 MB
# would hold up every probe for 50 ms.
INLINE_DIGEST: Final = 1 << 17
# Outcomes of a batch that are handed out in one turn of the loop. Each wakes a request, which takes 0.3 ms
# until its answer is on its way: 64 pictures at once would keep the loop from a text for 20 ms.
HANDED_OUT: Final = 8
# A batch that has been seen so often to be under way hangs.
LOOKS: Final = 20


class ForwardHangs(Exception):
    """A forward pass does not end; the process is of no use any more."""


@dataclass(frozen=True)
class SchedulerConfig:
    """The scheduler may hold and use so much."""

    policy: Policy = field(default_factory=Policy)
    max_items: int = 4096
    max_bytes: int = 1 << 30
    cache_bytes: int = 0
    forward_timeout_s: float = 300.0


class Scheduler:
    """The scheduler turns the items of many requests into vectors."""

    def __init__(
        self,
        engine: Engine,
        decoders: Decoders,
        config: SchedulerConfig,
        metrics: Metrics,
        *,
        on_death: Callable[[BaseException], None] = lambda _: None,
        prepare_forward: Callable[[int], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
        spans: Spans | None = None,
        quarantine: Quarantine | None = None,
        pace: Pace | None = None,
    ) -> None:
        self._engine = engine
        self._decoders = decoders
        self._metrics = metrics
        self._clock = clock
        self._spans = spans
        self._pace = pace or Pace()
        self._quarantine = quarantine or Quarantine(None, 0, metrics)
        self._on_death = on_death
        self._loop = asyncio.get_running_loop()
        self._batcher = Batcher[Part](config.policy, {lane.kinds for lane in engine.lanes})
        self._items = Budget(config.max_items, "items")
        self._bytes = Budget(config.max_bytes, "bytes", config.max_bytes // RESERVED_SHARE)
        self._cache = VectorCache(config.cache_bytes)
        self._single_flight = SingleFlight()
        self._digests = ThreadPoolExecutor(1, "digest")
        self._texts = Turns[Job](self._tokenize_now)
        self._lanes = self._open(engine.lanes, prepare_forward)
        self._pumping = False
        self._waiters: set[Waiter] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._closed: NotReady | None = None
        held = {"items": lambda: self._items.held, "bytes": lambda: self._bytes.held}
        metrics.watch(self._batcher.depth, decoders.waiting, held)
        metrics.watch_cache(self._cache)
        for worker in self._workers:
            worker.start()
        self._look_every(config.forward_timeout_s)

    @property
    def _workers(self) -> set[Worker]:
        return {lane.worker for lane in self._lanes}

    def _open(self, lanes: Sequence[Lane], prepare: Callable[[int], None]) -> list[BusyLane]:
        def worker(lane: Lane) -> Worker:
            return Worker(
                self._engine,
                lane,
                on_done=lambda started, result: self._in_loop(self._ran, *started, result),
                on_death=lambda error: self._in_loop(self._died, error),
                prepare=partial(prepare, lane.device),
            )

        workers = {lane: worker(lane) for lane in lanes if not lane.in_pauses}
        hosts = {lane.device: worker for lane, worker in workers.items()}
        return [BusyLane(lane, workers.get(lane) or hosts[lane.device]) for lane in lanes]

    @property
    def info(self) -> EngineInfo:
        """Return what the vectors come from."""
        return self._engine.info

    @property
    def bytes_held(self) -> Budget:
        """Return the budget of bodies and decoded items; whoever receives a body takes from it."""
        return self._bytes

    async def embed(
        self, items: Sequence[tuple[Modality, str | Blob]], *, deaths: int = 0, share: Share | None = None
    ) -> list[Embedding | BindError]:
        """Return, item by item, its embedding or what is wrong with it.

        items: text as it is, media in base64. deaths: other servers that died while they worked on them.
        share: which windows of the one item are wanted; its vector is then [windows, dimension].
        An item that the cache knows costs nothing; one that is being computed, for any request, is waited
        for. Raises QueueFull or RequestTooLarge, and then nothing was queued; NotReady when the forward
        thread has died. If the caller is cancelled, so are those of its items that nobody else waits for.
        """
        if len(items) > UNPACED_ITEMS:
            await self._pace.turn()
        if self._closed:
            raise self._closed
        trace = self._spans.here() if self._spans else None
        request, many = (share.request, share.items) if share else (object(), len(items))
        waiters = [
            Waiter(
                kind_of(modality, many),
                data,
                self._loop.create_future(),
                trace=trace,
                deaths=deaths,
                request=request,
                windows=share.windows if share else None,
            )
            for modality, data in items
        ]
        unknown = self._unknown(waiters)
        decoded_bytes = sum(waiter.decoded_bytes for waiter in unknown)
        small = all(waiter.modality is Modality.TEXT for waiter in unknown)
        count = sum(waiter.vectors for waiter in unknown)
        with self._items.hold(count), self._bytes.hold(decoded_bytes, small=small):
            self._waiters.update(unknown)
            try:
                for waiter in unknown:
                    self._start(waiter)
                outcomes = await asyncio.gather(*(waiter.future for waiter in waiters))
            finally:
                self._leave(unknown)
        for waiter, outcome in () if share else zip(waiters, outcomes, strict=True):
            self._metrics.item(waiter.modality, outcome if isinstance(outcome, Exception) else None)
        for outcome in outcomes:
            if isinstance(outcome, Exception) and not isinstance(outcome, BindError):
                raise outcome
        return outcomes  # type: ignore[return-value]  # others were raised above

    def close(self, reason: NotReady) -> None:
        """Raise `reason` for everything that waits, and accept nothing more."""
        self._closed = reason
        for waiter in list(self._waiters):
            waiter.resolve(reason)
        for worker in self._workers:
            worker.stop()
        self._digests.shutdown(wait=False, cancel_futures=True)

    def _unknown(self, waiters: Sequence[Waiter]) -> list[Waiter]:
        """Resolve what the cache knows; return the rest, without a key where that takes a thread."""
        unknown, left = list[Waiter](), INLINE_DIGEST
        for waiter in waiters:
            left -= 0 if isinstance(waiter.data, Blob) else len(waiter.data)
            if left < 0 or not self._known(waiter, waiter.find_key(waiter.data)):
                unknown.append(waiter)
        return unknown

    def _known(self, waiter: Waiter, key: Key) -> bool:
        """Note the key; return whether the cache knows it and has resolved the waiter."""
        waiter.key = key
        if not self._cache.enabled:
            return False
        found = self._cache.get(key)
        self._metrics.looked_up(waiter.modality, hit=found is not None)
        if found is not None:
            waiter.resolve(found)
        return found is not None

    def _start(self, waiter: Waiter) -> None:
        if waiter.key is None:
            # with the request's context, so that what is logged there carries its id
            self._digests.submit(copy_context().run, self._digest_in_thread, waiter, waiter.data)
        else:
            self._join_or_start(waiter, waiter.key)

    def _digest_in_thread(self, waiter: Waiter, data: str | Blob) -> None:
        if waiter.future.done():
            return
        try:
            key = waiter.find_key(data)
        except Exception as error:  # noqa: BLE001  (no memory, above all: an executor would swallow it)
            self._in_loop(waiter.resolve, error)
        else:
            self._in_loop(self._digested, waiter, key)

    def _digested(self, waiter: Waiter, key: Key) -> None:
        if not waiter.future.done() and not self._known(waiter, key):
            self._join_or_start(waiter, key)

    def _join_or_start(self, waiter: Waiter, key: Key) -> None:
        """Join the job of the same content, or start one, unless it is refused."""
        job = self._single_flight.get(key)
        if job is not None:
            job.add(waiter)
            self._metrics.joined(waiter.modality)
            return
        try:
            deaths = max(waiter.deaths, self._quarantine.check(key))
        except PoisonItem as error:
            waiter.resolve(error)
            return
        started = Job.of(waiter, key, deaths)
        self._single_flight.add(started)
        try:
            self._quarantine.admit(started, waiter.request, self._decode)
        except SuspectRuns as error:
            self._finish(started, error)

    def _leave(self, waiters: Sequence[Waiter]) -> None:
        """Forget waiters that are answered or gone, and jobs that nobody waits for."""
        self._waiters.difference_update(waiters)
        for waiter in waiters:
            if waiter.job is not None and waiter.job.abandoned:
                self._single_flight.remove(waiter.job)
                waiter.job.release()  # its bytes are free: no budget counts them any more
                # a decoder may drop it without a word; a batch comes back
                if not any(lane.has(waiter.job) for lane in self._lanes):
                    self._quarantine.leave(waiter.job)

    def _finish(self, job: Job, outcome: Embedding | Exception) -> None:
        self._single_flight.remove(job)
        if isinstance(outcome, Embedding):
            self._cache.put(job.key, outcome)
        job.finish(outcome)
        self._quarantine.leave(job)

    def _decode(self, job: Job) -> None:
        data = job.data
        if job.modality is Modality.TEXT and isinstance(data, str) and is_quick(data):
            self._texts.put(job.waiters[0].request, job)
        else:
            done = partial(self._in_loop, self._decoded, job)
            self._quarantine.begin(job)
            self._decoders.decode(
                job.modality, data, lambda: not job.abandoned, done, job.request, job.windows
            )

    def _tokenize_now(self, job: Job) -> None:
        if isinstance(job.data, str) and not job.abandoned:
            self._decoded(job, *self._tokenize(job.data))

    def _tokenize(self, data: str) -> tuple[Decoded | Exception, float]:
        """Return a text's tokens, or what is wrong with it, and the seconds that took."""
        start = time.perf_counter()
        try:
            outcome: Decoded | Exception = self._decoders.text(data)
        except Exception as error:  # noqa: BLE001  (it is this item's outcome, whatever it is)
            outcome = error
        return outcome, time.perf_counter() - start

    def _decoded(self, job: Job, outcome: Decoded | Exception, decode_s: float) -> None:
        self._quarantine.end(job)
        error = outcome if isinstance(outcome, Exception) else None
        self._metrics.decoded(job.modality, decode_s)
        if self._spans:
            self._spans.decoded(job.modality, job.traces, decode_s, error)
        if isinstance(outcome, Exception):
            self._finish(job, outcome)
            return
        if job.abandoned:
            self._quarantine.leave(job)
            return
        job.data, job.tokens, job.queued_at = "", outcome.tokens, self._clock()
        job.parts = [Part(job, part) for part in outcome.slices]
        for part in job.parts:
            self._batcher.put(part, job.queued_at)
        self._pump_soon()

    def _pump_soon(self) -> None:
        """Cut batches once all that has come in this turn of the loop is queued, and only once for it."""
        if not self._pumping:
            self._pumping = True
            self._loop.call_soon(self._pump)

    def _pump(self) -> None:
        """Give each lane the batches that are due and that it has room for."""
        self._pumping = False
        if self._closed:
            return
        if self._timer:
            self._timer.cancel()
            self._timer = None
        now = self._clock()
        while (cut := cut_next(self._lanes, self._batcher, now)) is not None:
            lane, batch = cut
            for part in batch:
                self._quarantine.begin(part.job)
            gflop = sum(part.gflop for part in batch)
            modality = batch[0].kind.modality
            self._metrics.cut(modality, [now - part.job.queued_at for part in batch], gflop)
            tensors = [part.slice.tensor for part in batch]
            lane.worker.run((lane, batch), modality, tensors, in_pauses=lane.lane.in_pauses)
        due = earliest([lane.next_due(self._batcher, now) for lane in self._lanes])
        if due is not None:
            self._timer = self._loop.call_later(max(0.0, due - now), self._pump)

    def _ran(self, lane: BusyLane, batch: list[Part], result: BatchResult) -> None:
        now = self._clock()
        lane.ended(batch)
        for part in batch:
            self._quarantine.end(part.job)
        kind = batch[0].kind
        self._batcher.ended(kind, len(batch), result.forward_s, now)
        self._pump()  # first: the model should not wait while outcomes are handed out
        self._metrics.ran(kind.modality, result.forward_s)
        if self._spans:
            queued = [(part.job.queued_at, part.job.traces) for part in batch]
            self._spans.ran(kind.modality, queued, now, result.forward_s)
        self._hand_out(batch, result.outcomes)

    def _hand_out(self, batch: list[Part], outcomes: list[Vector | Exception], start: int = 0) -> None:
        """Hand out some outcomes, and the others in later turns of the loop."""
        end = start + HANDED_OUT
        for part, outcome in zip(batch[start:end], outcomes[start:end], strict=True):
            if isinstance(outcome, Exception):
                self._finish(part.job, outcome)
                continue
            part.vector = outcome
            if (vector := part.job.combine()) is not None:
                self._finish(part.job, Embedding(vector, part.job.tokens))
            elif part.job.abandoned:
                self._quarantine.leave(part.job)
        if end < len(batch):
            self._loop.call_soon(self._hand_out, batch, outcomes, end)

    def _look_every(self, forward_timeout_s: float) -> None:
        """Look now and then whether a batch hangs, in all looks of so many seconds.

        Looks are counted, because time also goes by where the whole process is stopped.
        """
        if self._closed:
            return
        if any(lane.look() > LOOKS for lane in self._lanes):
            self._died(ForwardHangs(f"a forward pass has not ended for {forward_timeout_s:g} s"))
            return
        self._loop.call_later(forward_timeout_s / LOOKS, self._look_every, forward_timeout_s)

    def _died(self, error: BaseException) -> None:
        for lane in self._lanes:
            lane.running = []
        self.close(NotReady("the server cannot compute any more and must be restarted"))
        self._on_death(error)

    def _in_loop(self, function: Callable[..., None], *arguments: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: the process ends
            self._loop.call_soon_threadsafe(function, *arguments)
