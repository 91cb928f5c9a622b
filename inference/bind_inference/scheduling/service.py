"""Holds one server together: its settings, its state from Starting to Ready, and its scheduler."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from typing import TYPE_CHECKING, Any, Final, TypeVar

from bind_inference import __version__
from bind_inference.engine.precision import Precision
from bind_inference.errors import Draining, InvalidRequest, NotReady
from bind_inference.items.bodies import Endpoint, ParsedBody, parse_body
from bind_inference.items.windows import NO_WINDOWS
from bind_inference.keys import ApiKeys
from bind_inference.modality import Modality
from bind_inference.model_names import DIMENSIONS
from bind_inference.readiness import Amount, Phase, Readiness
from bind_inference.scheduling.placement import place_passes
from bind_inference.scheduling.policy.batching import Policy
from bind_inference.scheduling.quarantine import Quarantine, exchange, from_json, to_json
from bind_inference.scheduling.scheduler import Scheduler, SchedulerConfig
from bind_inference.scheduling.sizing import decoded_share, max_batch_gflop, max_batch_size, open_decoders
from bind_inference.scheduling.turns import Pace
from bind_inference.scheduling.windows import WindowedRequest
from bind_inference.telemetry.lag import LagProbe
from bind_inference.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence

    from bind_inference.decoders.protocol import Decoders, Done, Wanted
    from bind_inference.engine.protocol import Engine
    from bind_inference.errors import BindError
    from bind_inference.items.bodies import Item
    from bind_inference.items.embedding import Embedding
    from bind_inference.items.shared_memory import Shared
    from bind_inference.items.windows import Windows
    from bind_inference.scheduling.policy.admission import Budget
    from bind_inference.settings import Settings
    from bind_inference.telemetry.spans import Spans

    LoadEngine = Callable[[Settings, Callable[[Readiness], None]], Engine]
    OpenDecoders = Callable[[Settings, Callable[[str], None]], Decoders]

ResultT = TypeVar("ResultT")

log = logging.getLogger(__name__)

WEIGHTS_ORIGIN: Final = {
    "ImageBindHuge": "published by Meta AI",
    "Tiny": "random: for trying the system, not for search by meaning",
}
WEIGHTS_LICENCE: Final = {
    "ImageBindHuge": "CC BY-NC-SA 4.0 (no commercial use), accepted by the user",
    "Tiny": "none needed: the weights come from a formula",
}
# Seconds after which suspects are exchanged again: what the DNS takes to name a server that became ready.
EXCHANGE_S: Final = 5.0


class Service:
    """Every route sees the service. Its methods belong to the event loop's thread."""

    def __init__(
        self,
        settings: Settings,
        load_engine: LoadEngine,
        on_failure: Callable[[str], None],
        spans: Spans | None = None,
        decoders: OpenDecoders = open_decoders,
    ) -> None:
        self.settings = settings
        self.spans = spans
        self.metrics = Metrics()
        self.pace = Pace()
        self.readiness = Readiness()
        self._open_decoders = decoders
        self._decoders: Decoders | None = None
        self._load_engine = load_engine
        self._on_failure = on_failure
        self._scheduler: Scheduler | None = None
        self._asked: set[asyncio.Future[Any]] = set()
        self._stopped: Draining | None = None
        self._exchanging: asyncio.Task[None] | None = None
        self._lag: LagProbe | None = None
        self._became_ready = asyncio.Event()
        self._started = time.monotonic()
        self.started = int(time.time())
        self.on_change: Callable[[], None] = lambda: None
        self.metrics.readiness(self.readiness)
        self.quarantine = Quarantine(settings.journal_path, settings.poison_ttl_s, self.metrics)

    @property
    def scheduler(self) -> Scheduler:
        """Return the scheduler of the loaded model. Raises NotReady before there is one."""
        if self._scheduler is None:
            raise NotReady(self.readiness.describe())
        return self._scheduler

    @property
    def dimension(self) -> int:
        """Return the length of a vector. Raises NotReady before there is a model."""
        return self.scheduler.info.dimension

    @property
    def bodies(self) -> Budget:
        """Return the budget that bodies take from. Raises NotReady before there is a model."""
        return self.scheduler.bytes_held

    def answered(self, path: str, status: int, seconds: float) -> None:
        """Count a request that has its response; `path` is a route, never what a client made up."""
        self.metrics.request(path, status, seconds)

    def embed(
        self, items: Sequence[Item], deaths: int, windows: Mapping[Modality, Windows] = NO_WINDOWS
    ) -> Coroutine[Any, Any, list[Embedding | BindError]]:
        """Return, item by item, its embedding or what is wrong with it; see `Scheduler.embed`.

        windows: of which modality recordings are wanted in windows, and in which.
        """
        if windows:
            return self._embed_windows(items, deaths, windows)
        return self.scheduler.embed([(item.modality, item.data) for item in items], deaths=deaths)

    async def _embed_windows(
        self, items: Sequence[Item], deaths: int, windows: Mapping[Modality, Windows]
    ) -> list[Embedding | BindError]:
        most = self.settings.max_request_windows
        outcomes = await WindowedRequest(self.scheduler, self._measure, items, windows, most, deaths).embed()
        for item, outcome in zip(items, outcomes, strict=True):
            if item.modality in windows:
                self.metrics.windowed(item.modality, outcome)
        return outcomes

    def _measure(self, item: Item, request: object) -> Coroutine[Any, Any, int]:
        """Return a recording's milliseconds. Raises BindError."""
        return self._ask(
            lambda decoders, wanted, done: decoders.measure(item.modality, item.data, wanted, done, request)
        )

    async def render_metrics(self) -> bytes:
        """Return the text that Prometheus reads."""
        return self.metrics.render()

    def start(self) -> None:
        """Load the model beside the event loop; `readiness` says how far it is."""
        call = asyncio.get_running_loop().call_soon_threadsafe
        self._lag = LagProbe(lambda seconds: self.metrics.lagged("main", seconds))
        if self.settings.peers:
            self._exchanging = asyncio.create_task(self._exchange(self.settings.peers))
        threading.Thread(target=self._load_in_thread, args=(call,), name="load", daemon=True).start()

    def drain(self) -> None:
        """Say not ready from now on; requests that come all the same are answered."""
        self.quarantine.stopping()
        self._become(Readiness(Phase.DRAINING, "asked to stop"))

    def stop(self) -> None:
        """Accept nothing more, and refuse with 503 what still waits."""
        if self._exchanging:
            self._exchanging.cancel()
        if self._lag:
            self._lag.stop()
        self._stopped = reason = Draining("the server stops; try another")
        for asked in self._asked:
            if not asked.done():
                asked.set_exception(reason)
        if self._scheduler:
            self._scheduler.close(reason)
        if self._decoders:
            self._decoders.close()

    async def parse(self, endpoint: Endpoint, raw: bytes | Shared) -> ParsedBody:
        """Return what a body asks for; a decoder process parses a large one, which is shared memory.

        Raises InvalidRequest, RequestTooLarge; NotReady if the server stops first.
        """
        if isinstance(raw, bytes):
            return parse_body(endpoint, raw, self.settings.max_request_items)
        most = self.settings.max_request_items
        return await self._ask(
            lambda decoders, wanted, done: decoders.read(endpoint, raw, most, wanted, done)
        )

    async def _ask(self, ask: Callable[[Decoders, Wanted, Done[ResultT]], None]) -> ResultT:
        """Return what the decoders make of what `ask` asks of them. Raises NotReady if the server stops."""
        if self._stopped:
            raise self._stopped
        if self._decoders is None:
            raise NotReady(self.readiness.describe())
        loop = asyncio.get_running_loop()
        asked: asyncio.Future[ResultT] = loop.create_future()

        def settle(outcome: ResultT | Exception) -> None:
            if asked.done():
                return
            if isinstance(outcome, Exception):
                asked.set_exception(outcome)
            else:
                asked.set_result(outcome)

        def done(outcome: ResultT | Exception, _seconds: float) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: the process ends
                loop.call_soon_threadsafe(settle, outcome)

        ask(self._decoders, lambda: not asked.done(), done)
        self._asked.add(asked)
        try:
            return await asked
        finally:
            self._asked.discard(asked)

    async def hear(self, raw: bytes) -> bytes:
        """Note the suspects that another server tells of; return all. Raises InvalidRequest."""
        try:
            found = from_json(raw, time.time())
        except (KeyError, TypeError, ValueError):
            raise InvalidRequest("these are no suspects, as one server tells them to another") from None
        self.quarantine.remember(found)
        return to_json(self.quarantine.suspects, time.time())

    async def _exchange(self, peers: str) -> None:
        """Exchange suspects with the other servers: at the start, when ready, and while there are any.

        At the start, because until the others know they are the next victims. Again, because a server that
        loads its model is in no DNS: two that died of one item find each other when both are ready.
        """
        asked_when_ready = False
        keys = ApiKeys.of(self.settings)
        while True:
            suspects, ready = self.quarantine.suspects, self.readiness.ready
            self._became_ready.clear()
            if suspects or (ready and not asked_when_ready):
                asked_when_ready = asked_when_ready or ready
                found = await asyncio.to_thread(exchange, peers, suspects, time.time(), keys.own)
                self.quarantine.remember(found)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._became_ready.wait(), EXCHANGE_S)

    def meta(self, version: str) -> dict[str, Any]:
        """Return what /meta says, whatever the state."""
        model = self.settings.model
        info = self._scheduler.info if self._scheduler else None
        return {
            "model": model,
            "dimension": info.dimension if info else DIMENSIONS[model],
            "state": self.readiness.phase,
            "detail": self.readiness.describe(),
            "progress": _progress(self.readiness.amount),
            "device": info.device if info else ("cuda" if self.settings.enable_cuda else "cpu"),
            "precision": info.precision if info else self.settings.precision,
            "precision_checks": [
                {
                    "precision": check.precision,
                    "passed": check.passes(self.settings.precision_min_cosine),
                    "least_cosine": round(check.least, 6),
                    "cosines": {
                        str(modality): round(cosine, 6) for modality, cosine in check.cosines.items()
                    },
                }
                for check in (info.checks if info else ())
            ],
            "fingerprint": info.fingerprint if info else None,
            "modalities": list(Modality),
            "weights": WEIGHTS_ORIGIN[model],
            "licence": WEIGHTS_LICENCE[model],
            "version": version,
        }

    def _load_in_thread(self, call: Callable[..., object]) -> None:
        def report(readiness: Readiness) -> None:
            call(self._become, readiness)

        try:
            self._decoders = decoders = self._open_decoders(self.settings, self.metrics.decoder_replaced)
            decoders.start()
            engine = self._load_engine(self.settings, report)
            decoders.check()
            decoders.text("")  # the first one takes 50 ms, which the event loop does not have
        except Exception as error:  # whatever it is, the process must say it and end
            log.exception("the model could not be loaded")
            call(self._fail, str(error) or repr(error))
        else:
            call(self._loaded, engine, decoders)

    def _loaded(self, engine: Engine, decoders: Decoders) -> None:
        # torch takes a second or two: only once the loop runs
        from bind_inference.engine.several import SideBySide
        from bind_inference.engine.torch_engine import has_amx, settle_thread

        settings = self.settings
        places = place_passes(settings)
        if len(places) > 1:
            engine = SideBySide([engine] * len(places))
            log.info("forward passes run side by side", extra={"places": [str(place) for place in places]})

        def prepare(device: int) -> None:
            place = places[device % len(places)]
            settle_thread(place.threads, place.cpus)

        most = max_batch_gflop(settings, Precision(engine.info.precision), amx=has_amx())
        self._scheduler = Scheduler(
            engine,
            decoders,
            SchedulerConfig(
                policy=Policy(max_batch_size(settings), most, settings.max_wait_s, engine.rungs),
                max_items=settings.max_queue_items,
                max_bytes=decoded_share(settings),
                cache_bytes=settings.vector_cache_bytes,
                forward_timeout_s=settings.forward_timeout_s,
            ),
            self.metrics,
            spans=self.spans,
            quarantine=self.quarantine,
            pace=self.pace,
            on_death=lambda error: self.fail(str(error)),
            prepare_forward=prepare,
        )
        info = engine.info
        self.metrics.serves(__version__, info.model, info.device, info.precision)
        self.metrics.checked(info.checks)
        self._become(Readiness(Phase.READY))
        self.on_change()  # of a server that drains already: it has a model now

    def fail(self, message: str) -> None:
        """Say that only a restart helps."""
        self._become(Readiness(Phase.FAILED, message))

    def _fail(self, message: str) -> None:
        self.fail(message)
        self._on_failure(message)

    def _become(self, readiness: Readiness) -> None:
        if self.readiness.phase in {Phase.DRAINING, Phase.FAILED} and readiness.phase is not Phase.FAILED:
            return  # there is no way back from these
        before, self.readiness = self.readiness, readiness
        self.metrics.readiness(readiness)
        if readiness.ready:
            self._became_ready.set()
        if before.phase is not readiness.phase:
            log.log(
                logging.ERROR if readiness.phase is Phase.FAILED else logging.INFO,
                "state changed",
                extra={
                    "state": readiness.phase,
                    "before": before.phase,
                    "detail": readiness.detail,
                    "model": self.settings.model,
                    "duration_s": round(time.monotonic() - self._started, 3),
                },
            )
        self.on_change()


def _progress(amount: Amount | None) -> dict[str, float | None] | None:
    if amount is None:
        return None
    left = None if amount.seconds_left is None else round(amount.seconds_left, 1)
    return {"done_bytes": amount.done_bytes, "total_bytes": amount.total_bytes, "seconds_left": left}
