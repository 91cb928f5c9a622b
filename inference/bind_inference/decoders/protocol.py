"""Declares what the scheduler asks of the decoders."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable

    from bind_inference.decoders.decoding import Decoded
    from bind_inference.items.bodies import Endpoint, ParsedBody
    from bind_inference.items.shared_memory import Blob, Shared
    from bind_inference.items.windows import WindowGroup
    from bind_inference.modality import Modality

_Result = TypeVar("_Result")

Wanted: TypeAlias = Callable[[], bool]
"""It returns whether somebody still waits; it is called when the task's turn has come."""
Done: TypeAlias = Callable[[_Result | Exception, float], None]
"""It is called once, in some thread, with the result and the seconds it took. A BindError has no position."""


class DecodersBroken(Exception):
    """No decoder process can be started: the server is of no use."""


class Decoders(Protocol):
    """They decode items and read large bodies, beside the event loop."""

    def start(self) -> None:
        """Begin to start; returns at once."""
        ...

    def check(self) -> None:
        """Wait until items can be decoded. Raises DecodersBroken."""
        ...

    def text(self, data: str) -> Decoded:
        """Return a short text's tokens, in the calling thread. Raises BindError."""
        ...

    def decode(
        self,
        modality: Modality,
        data: str | Blob,
        wanted: Wanted,
        done: Done[Decoded],
        asked_by: Hashable = None,
        windows: WindowGroup | None = None,
    ) -> None:
        """Decode media or a long text, unless it is not `wanted` any more when its turn has come.

        asked_by: the request, so that one with many items does not hold up the others; None: one of its own.
        windows: those of a recording that are decoded, instead of the whole.
        """
        ...

    def measure(
        self,
        modality: Modality,
        data: str | Blob,
        wanted: Wanted,
        done: Done[int],
        asked_by: Hashable = None,
    ) -> None:
        """Find how long audio or a video is, in whole milliseconds; all else is as of `decode`."""
        ...

    def read(
        self, kind: Endpoint, raw: Shared, max_items: int, wanted: Wanted, done: Done[ParsedBody]
    ) -> None:
        """Read a large body, unless it is not `wanted` any more when its turn has come."""
        ...

    def waiting(self) -> int:
        """Return how many items and bodies wait until a decoder is free."""
        ...

    def close(self) -> None:
        """End at once; what is under way is never done."""
        ...
