"""Stands for the service in a worker: what the application asks travels to the main process and back."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from typing import TYPE_CHECKING, Any, Final, TypeVar

from bind_inference.errors import NotReady
from bind_inference.items.bodies import parse_body
from bind_inference.items.windows import NO_WINDOWS, pack_windows
from bind_inference.logs import current_fields
from bind_inference.readiness import Phase, Readiness
from bind_inference.scheduling.policy.admission import RESERVED_SHARE
from bind_inference.scheduling.turns import Pace
from bind_inference.telemetry.lag import LagProbe
from bind_inference.workers.messages import (
    Message,
    pack_items,
    unpack_body,
    unpack_error,
    unpack_outcomes,
    unpack_readiness,
)
from bind_inference.workers.shared_budget import SharedBudget, map_places

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bind_inference.errors import BindError
    from bind_inference.items.bodies import Endpoint, Item, ParsedBody
    from bind_inference.items.embedding import Embedding
    from bind_inference.items.shared_memory import Shared
    from bind_inference.items.windows import Windows
    from bind_inference.modality import Modality
    from bind_inference.scheduling.policy.admission import Budget
    from bind_inference.settings import Settings
    from bind_inference.telemetry.spans import Spans
    from bind_inference.workers.channel import Channel, File

T = TypeVar("T")

# Seconds after which the main process hears at the latest what was counted; any message tells it before.
COUNT_S: Final = 0.2
# Seconds of silence after which the main process, which speaks every five, is held to hang.
SILENT_S: Final = 60.0
# Delays of the event loop that are kept to be told; the main process asks every five seconds.
_MOST_LAGS: Final = 2000


class RemoteService:
    """The service as the application of a worker sees it."""

    def __init__(
        self, settings: Settings, hello: dict[str, Any], places: Shared, spans: Spans | None
    ) -> None:
        """`places` is the file of what each worker holds of the budget of bodies."""
        self.settings = settings
        self.spans = spans
        self.pace = Pace()
        self.started: int = hello["started"]
        self.on_start: Callable[[], None] = lambda: None
        self.channel: Channel | None = None
        share = hello["max_body_bytes"]
        self._bodies = SharedBudget(
            share, "bytes", share // RESERVED_SHARE, map_places(places), hello["place"]
        )
        self._numbers = itertools.count(1)
        self._pending: dict[int, asyncio.Future[Message]] = {}
        self._counts: list[tuple[str, int, float]] = []
        self._closed = 0
        self._lags: deque[float] = deque(maxlen=_MOST_LAGS)
        self._lag: LagProbe | None = None
        self._told = 0
        self._timer: asyncio.TimerHandle | None = None
        self._heard_at = float("inf")
        self.update(hello["state"])

    def update(self, state: dict[str, Any]) -> None:
        """Note the state of the main process."""
        self._readiness = unpack_readiness(state["readiness"])
        self._meta: dict[str, Any] = state["meta"]
        self._dimension: int | None = state["dimension"]

    @property
    def readiness(self) -> Readiness:
        """Return the state that the main process told last; Failed if it is silent for long."""
        if asyncio.get_running_loop().time() - self._heard_at > SILENT_S:
            return Readiness(Phase.FAILED, f"the main process says nothing for more than {SILENT_S:g} s")
        return self._readiness

    @property
    def dimension(self) -> int:
        """Return the length of a vector. Raises NotReady before there is a model."""
        if self._dimension is None:
            raise NotReady(self._readiness.describe())
        return self._dimension

    @property
    def bodies(self) -> Budget:
        """Return the budget that all workers take from. Raises NotReady before there is a model."""
        if self._dimension is None:
            raise NotReady(self._readiness.describe())
        return self._bodies

    def start(self) -> None:
        """Open the channel: the loop runs."""
        self.on_start()
        self._lag = LagProbe(lambda seconds: self._lags.append(round(seconds, 4)))

    def stop(self) -> None:
        """Tell what was counted."""
        if self._lag:
            self._lag.stop()
        self._tell()
        if self.channel:
            self.channel.flush()

    def answered(self, path: str, status: int, seconds: float) -> None:
        """Count a request that has its response; the main process hears of it soon."""
        self._counts.append((path, status, seconds))
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(COUNT_S, self._tell)

    def taken(self, number: int) -> None:
        """Tell at once that a connection is taken: from now on it may be read."""
        if self.channel:
            self.channel.send({"do": "taken", "id": number})
            self.channel.flush()

    def disconnected(self) -> None:
        """Note that a connection has ended."""
        self._closed += 1
        if self._closed == 1:
            asyncio.get_running_loop().call_soon(self._tell)

    async def parse(self, endpoint: Endpoint, raw: bytes | Shared) -> ParsedBody:
        """Return what a body asks for; a decoder of the main process parses a large one.

        Raises InvalidRequest, RequestTooLarge; NotReady if the server stops first.
        """
        if isinstance(raw, bytes):
            return parse_body(endpoint, raw, self.settings.max_request_items)
        answer = await self._ask({"do": "parse", "endpoint": endpoint}, b"", raw)
        return unpack_body(answer.head, answer.files)

    async def embed(
        self, items: Sequence[Item], deaths: int, windows: Mapping[Modality, Windows] = NO_WINDOWS
    ) -> list[Embedding | BindError]:
        """Return, item by item, its embedding or what is wrong with it; see `Service.embed`."""
        packed, files = pack_items(items)
        head: dict[str, Any] = {"do": "embed", "items": packed, "deaths": deaths}
        if windows:
            head["windows"] = pack_windows(windows)
        if self.spans:
            head["trace"] = self.spans.carrier()
        answer = await self._ask(head, b"", *files)
        return unpack_outcomes(answer.head["outcomes"], answer.payload)

    def meta(self, version: str) -> dict[str, Any]:
        """Return what /meta says, whatever the state."""
        return self._meta | {"version": version}

    async def hear(self, raw: bytes) -> bytes:
        """Note the suspects that another server tells of; return all. Raises InvalidRequest."""
        return (await self._ask({"do": "hear"}, raw)).payload

    async def render_metrics(self) -> bytes:
        """Return the text that Prometheus reads, of the main process and of all workers."""
        return (await self._ask({"do": "metrics"})).payload

    def receive(self, message: Message) -> None:
        """Take an answer, or another message of the main process; unknown ones are ignored."""
        self._heard_at = asyncio.get_running_loop().time()
        match message.head["do"]:
            case "answer":
                future = self._pending.pop(message.head["id"], None)
                if future and not future.done():
                    future.set_result(message)
            case "state":
                self.update(message.head["state"])
            case "count":
                self._send({"do": "counted"})

    async def _ask(self, head: dict[str, Any], payload: bytes = b"", *files: File) -> Message:
        """Return the answer. Raises the BindError that it names, RuntimeError for a bug.

        If the caller is cancelled, so is the work in the main process.
        """
        number = next(self._numbers)
        future: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._pending[number] = future
        self._send(head | {"id": number, "log": current_fields()}, payload, *files)
        try:
            answer = await future
        finally:
            if self._pending.pop(number, None):
                self._send({"do": "cancel", "id": number})
        if "error" in answer.head:
            raise unpack_error(answer.head["error"])
        if "bug" in answer.head:
            raise RuntimeError("a bug in the main process, which has logged it")
        return answer

    def _tell(self) -> None:
        if self._counts or self._closed or self._told != self._bodies.held:
            self._send({"do": "counted"})

    def _send(self, head: dict[str, Any], payload: bytes = b"", *files: File) -> None:
        """Send a message, and with it what was counted since the last."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        note = {
            "requests": self._counts,
            "closed": self._closed,
            "held": self._bodies.held,
            "lags": list(self._lags),
        }
        self._lags.clear()
        self._counts, self._closed, self._told = [], 0, self._bodies.held
        if self.channel:
            self.channel.send(head | {"note": note}, payload, *files)
