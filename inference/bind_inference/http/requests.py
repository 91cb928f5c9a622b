"""Receives a request's body within limits of time and memory, and waits for the vectors of its items."""

from __future__ import annotations

import asyncio
import contextlib
import re
from typing import TYPE_CHECKING, Any, Final, TypeVar

from bind_inference.errors import (
    BindError,
    DeadlineExceeded,
    NotReady,
    RequestTimeout,
    RequestTooLarge,
    combine,
)
from bind_inference.items.embedding import Embedding
from bind_inference.items.shared_memory import Shared
from bind_inference.items.windows import NO_WINDOWS
from bind_inference.scheduling.policy.admission import Hold

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence

    from fastapi import Request

    from bind_inference.http.backend import Backend
    from bind_inference.items.bodies import Endpoint, Item, ParsedBody
    from bind_inference.items.windows import Windows
    from bind_inference.modality import Modality

T = TypeVar("T")

CLIENT_GONE: Final = 499  # nobody reads it; it is for the metrics
# Bytes up to which a body is parsed at once (0.7 ms for a MiB); a larger one is put into shared memory as it
# arrives, and no byte of it comes into the interpreter.
INLINE_BODY: Final = 1 << 20
# Bytes up to which that does not wait for a turn of the loop.
UNPACED_BODY: Final = 1 << 13


# What counts as small, and may take from the part of the budget that is kept for it: the bytes of a body, and
# those of the vectors that it asks for (64 of ImageBindHuge's).
SMALL_BODY: Final = 1 << 16
SMALL_ANSWER: Final = 1 << 18
_FLOAT_BYTES: Final = 4
# Where a request's scope has what is released once its response is sent.
HELD: Final = "bind.held"


_PREFERENCE: Final = "handling=lenient"
LENIENT: Final = {"Preference-Applied": _PREFERENCE}
_SPACE: Final = re.compile(r'[\s"]')


class ClientGone(Exception):
    """The client hung up before its response."""


@contextlib.asynccontextmanager
async def receive_body(request: Request, endpoint: Endpoint) -> AsyncIterator[ParsedBody]:
    """Receive the body and parse it; its bytes are held of the budget until the response is taken.

    What is done in the block has the rest of `request_timeout_s`, which counts from here.

    Raises RequestTooLarge as soon as it is known, InvalidRequest, RequestTimeout, DeadlineExceeded,
    QueueFull, NotReady, ClientGone.
    """
    service: Backend = request.app.state.service
    service.readiness.require()
    began = asyncio.get_running_loop().time()
    limit_s = service.settings.body_timeout_s
    hold = request.scope[HELD].enter_context(Hold(service.bodies))
    try:
        # Of the whole body: a client that sends a byte now and then makes progress for ever.
        async with asyncio.timeout(limit_s):
            raw = await _receive_bytes(request, service, hold)
    except TimeoutError:
        raise RequestTimeout(
            f"the body has not arrived within {limit_s:g} s, the limit (--body-timeout-s)"
        ) from None
    async with _deadline(began, service.settings.request_timeout_s):
        if isinstance(raw, bytes) and len(raw) > UNPACED_BODY:
            await service.pace.turn(late=True)
        parsing = service.parse(endpoint, raw)
        body = await (parsing if isinstance(raw, bytes) else unless_gone(request, parsing))
        del raw
        # How many windows there are is not known yet, and afterwards would be a pity.
        windows = service.settings.max_request_windows if body.options.get("windows") else 0
        vectors = len(body.items) + len(body.remote) + windows
        answer_bytes = vectors * service.dimension * _FLOAT_BYTES
        hold.grow(answer_bytes, small=answer_bytes <= SMALL_ANSWER)
        yield body


@contextlib.asynccontextmanager
async def _deadline(began: float, limit_s: float) -> AsyncIterator[None]:
    """Cancel the block at its deadline, and with it all that it waits for; 0: there is none.

    Raises DeadlineExceeded.
    """
    try:
        async with asyncio.timeout_at(began + limit_s if limit_s else None) as timeout:
            yield
    except TimeoutError:
        if not timeout.expired():
            raise
        raise DeadlineExceeded(
            f"the request was not done within {limit_s:g} s, the limit (--request-timeout-s, "
            "BIND_REQUEST_TIMEOUT_S); what was left of it is dropped: send fewer or smaller items at once"
        ) from None


async def embed_items(
    request: Request,
    items: Sequence[Item],
    windows: Mapping[Modality, Windows] = NO_WINDOWS,
    name: str | None = None,
) -> list[Embedding]:
    """Return the items' embeddings, or raise one error that names every item that has none."""
    outcomes = await embed_leniently(request, items, windows)
    good = [outcome for outcome in outcomes if isinstance(outcome, Embedding)]
    if len(good) == len(items):
        return good
    raise combine(
        [
            outcome.named(f"{name or item.modality.plural}[{item.index}]")
            for item, outcome in zip(items, outcomes, strict=True)
            if isinstance(outcome, BindError)
        ]
    )


async def embed_leniently(
    request: Request, items: Sequence[Item], windows: Mapping[Modality, Windows] = NO_WINDOWS
) -> list[Embedding | BindError]:
    """Return, item by item, its embedding or what is wrong with it; of the modalities in `windows` by window.

    Raises NotReady if it is the server that is to blame for all of them.
    """
    if not items:
        return []
    service: Backend = request.app.state.service
    # Of the gate, which repeats a request once whose server died under it.
    deaths = int(request.headers.get("x-gate-retry") == "broken")
    outcomes = await unless_gone(request, service.embed(items, deaths, windows))
    first = outcomes[0]
    if isinstance(first, NotReady) and all(isinstance(outcome, NotReady) for outcome in outcomes):
        raise first
    return outcomes


def is_lenient(request: Request) -> bool:
    """Return whether the client prefers vectors and errors side by side to one error for all (RFC 7240)."""
    preferences = ",".join(request.headers.getlist("prefer")).casefold().split(",")
    return any(_SPACE.sub("", each.partition(";")[0]) == _PREFERENCE for each in preferences)


async def unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Return what `work` returns; cancel it and raise ClientGone if the client hangs up first."""
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientGone
        return task.result()
    finally:
        task.cancel()
        gone.cancel()


async def _receive_bytes(request: Request, service: Backend, hold: Hold) -> bytes | Shared:
    """Return the body, a large one in shared memory; `hold` grows by what has arrived.

    What a client only announces holds nothing: eight of them would keep everybody else out.
    """
    limit = service.settings.max_request_bytes
    announced = request.headers.get("content-length", "")
    expected = int(announced) if announced.isdigit() else 0
    _check_size(expected, limit)
    service.bodies.check(expected, small=expected <= SMALL_BODY)
    size, small = 0, bytearray()
    large: Shared | None = None
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunk = message.get("body", b"")
        size += len(chunk)
        _check_size(size, limit)
        hold.grow(len(chunk), small=size <= SMALL_BODY)
        if large is None and size > INLINE_BODY:
            large = open_shared(small)
            small.clear()
        if large is None:
            small += chunk
        else:
            large.write(chunk)
        if not message.get("more_body", False):
            return bytes(small) if large is None else large


def open_shared(start: bytes | bytearray = b"") -> Shared:
    """Return shared memory that begins with `start`. Raises NotReady if there is none to be had."""
    try:
        shared = Shared()
        shared.write(start)
    except OSError as error:  # no descriptor, no memory
        raise NotReady(f"the server has no room for the body ({error.strerror}); try again") from error
    return shared


def _check_size(size: int, limit: int) -> None:
    if size > limit:
        raise RequestTooLarge(f"the body has {size:,} bytes or more, above the limit of {limit:,}")


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
