"""Declares what the application asks of whoever computes: the service itself, or one in another process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from bind_inference.items.windows import NO_WINDOWS

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping, Sequence

    from bind_inference.errors import BindError
    from bind_inference.items.bodies import Endpoint, Item, ParsedBody
    from bind_inference.items.embedding import Embedding
    from bind_inference.items.shared_memory import Shared
    from bind_inference.items.windows import Windows
    from bind_inference.modality import Modality
    from bind_inference.readiness import Readiness
    from bind_inference.scheduling.policy.admission import Budget
    from bind_inference.scheduling.turns import Pace
    from bind_inference.settings import Settings
    from bind_inference.telemetry.spans import Spans


class Backend(Protocol):
    """Every route sees it. Its methods belong to the event loop's thread."""

    @property
    def settings(self) -> Settings:
        """Return the server's settings."""
        ...

    @property
    def spans(self) -> Spans | None:
        """Return what makes spans, None if nobody asks for any."""
        ...

    @property
    def pace(self) -> Pace:
        """Return what spreads long work over the turns of the event loop."""
        ...

    @property
    def readiness(self) -> Readiness:
        """Return the state."""
        ...

    @property
    def started(self) -> int:
        """Return when the server was started, in seconds since 1970."""
        ...

    @property
    def dimension(self) -> int:
        """Return the length of a vector. Raises NotReady before there is a model."""
        ...

    @property
    def bodies(self) -> Budget:
        """Return the budget that bodies take from. Raises NotReady before there is a model."""
        ...

    def start(self) -> None:
        """Begin, once the event loop runs."""
        ...

    def stop(self) -> None:
        """End, once no request is left."""
        ...

    def answered(self, path: str, status: int, seconds: float) -> None:
        """Count a request that has its response; `path` is a route, never what a client made up."""
        ...

    def parse(self, endpoint: Endpoint, raw: bytes | Shared) -> Coroutine[Any, Any, ParsedBody]:
        """Return what a body asks for. Raises InvalidRequest, RequestTooLarge, NotReady."""
        ...

    def embed(
        self, items: Sequence[Item], deaths: int, windows: Mapping[Modality, Windows] = NO_WINDOWS
    ) -> Coroutine[Any, Any, list[Embedding | BindError]]:
        """Return, item by item, its embedding or what is wrong with it; see `Scheduler.embed`.

        windows: of which modality recordings are wanted in windows, and in which.
        """
        ...

    def meta(self, version: str) -> dict[str, Any]:
        """Return what /meta says, whatever the state."""
        ...

    def hear(self, raw: bytes) -> Coroutine[Any, Any, bytes]:
        """Note the suspects that another server tells of; return all. Raises InvalidRequest."""
        ...

    def render_metrics(self) -> Coroutine[Any, Any, bytes]:
        """Return the text that Prometheus reads."""
        ...
