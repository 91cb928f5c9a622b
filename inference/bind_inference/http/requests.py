"""Receives a request's body within limits of time and memory, and waits for the vectors of its items."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Final, TypeVar

from bind_inference.errors import BindError, DeadlineExceeded, RequestTimeout, RequestTooLarge, combine
from bind_inference.items.embedding import Embedding
from bind_inference.items.shared_memory import Shared

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Sequence

    from fastapi import Request

    from bind_inference.http.backend import Backend
    from bind_inference.items.bodies import Endpoint, Item, ParsedBody

T = TypeVar("T")

CLIENT_GONE: Final = 499  # nobody reads it; it is for the metrics
# Bytes up to which a body is parsed at once (0.7 ms for a MiB); a larger one is put into shared memory as it
# arrives, and no byte of it comes into the interpreter.
INLINE_BODY: Final = 1 << 20


class ClientGone(Exception):
    """The client hung up before its response."""


@contextlib.asynccontextmanager
async def receive_body(request: Request, endpoint: Endpoint) -> AsyncIterator[ParsedBody]:
    """Receive the body and parse it; hold its bytes of the budget until the block ends.

    What is done in the block has the rest of `request_timeout_s`, which counts from here.

    Raises RequestTooLarge as soon as it is known, InvalidRequest, RequestTimeout, DeadlineExceeded,
    QueueFull, NotReady, ClientGone.
    """
    service: Backend = request.app.state.service
    service.readiness.require()
    began = asyncio.get_running_loop().time()
    limit_s = service.settings.body_timeout_s
    with contextlib.ExitStack() as held:
        try:
            # Of the whole body: a client that sends a byte now and then makes progress for ever.
            async with asyncio.timeout(limit_s):
                raw = await _receive_bytes(request, service, held)
        except TimeoutError:
            raise RequestTimeout(
                f"the body has not arrived within {limit_s:g} s, the limit (--body-timeout-s)"
            ) from None
        async with _deadline(began, service.settings.request_timeout_s):
            parsing = service.parse(endpoint, raw)
            body = await (parsing if isinstance(raw, bytes) else unless_gone(request, parsing))
            del raw
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


async def embed_items(request: Request, items: Sequence[Item], name: str | None = None) -> list[Embedding]:
    """Return the items' embeddings, or raise one error that names every item that has none."""
    if not items:
        return []
    service: Backend = request.app.state.service
    # Of the gate, which repeats a request once whose server died under it.
    deaths = int(request.headers.get("x-gate-retry") == "broken")
    outcomes = await unless_gone(request, service.embed(items, deaths))
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


async def _receive_bytes(request: Request, service: Backend, held: contextlib.ExitStack) -> bytes | Shared:
    """Return the body, a large one in shared memory; `held` holds its bytes of the budget."""
    limit, budget = service.settings.max_request_bytes, service.bodies
    announced = request.headers.get("content-length", "")
    expected = int(announced) if announced.isdigit() else 0
    _check_size(expected, limit)
    held.enter_context(budget.hold(expected))
    size, small = 0, bytearray()
    large: Shared | None = None
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunk = message.get("body", b"")
        size += len(chunk)
        _check_size(size, limit)
        if size > expected:
            held.enter_context(budget.hold(size - expected))
            expected = size
        if large is None and size > INLINE_BODY:
            large = Shared()
            large.write(small)
            small.clear()
        if large is None:
            small += chunk
        else:
            large.write(chunk)
        if not message.get("more_body", False):
            return bytes(small) if large is None else large


def _check_size(size: int, limit: int) -> None:
    if size > limit:
        raise RequestTooLarge(f"the body has {size:,} bytes or more, above the limit of {limit:,}")


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
