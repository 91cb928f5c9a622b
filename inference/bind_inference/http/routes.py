"""The end points: from a request to its items, from their outcomes to an answer."""

from __future__ import annotations

import asyncio
import contextlib
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, TypeVar

from fastapi import APIRouter, Request, Response

from bind_inference import __version__
from bind_inference.errors import BindError, RequestTimeout, RequestTooLarge, combine
from bind_inference.http.responses import json_answer
from bind_inference.items.bodies import Body, Item, Kind
from bind_inference.items.embedding import Embedding
from bind_inference.items.schemas import (
    ErrorBody,
    Meta,
    VectorizeRequest,
    VectorizeResponse,
)
from bind_inference.items.shared_memory import Shared
from bind_inference.modality import Modality

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Sequence

    from pydantic import BaseModel

    from bind_inference.scheduling.service import Service

T = TypeVar("T")

ERRORS: Final[dict[int | str, dict[str, Any]]] = {
    int(status): {"model": ErrorBody, "description": text}
    for status, text in {
        HTTPStatus.BAD_REQUEST: "the body is not what this end point takes",
        HTTPStatus.REQUEST_TIMEOUT: "the body did not arrive in time",
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "the body, or an item, is above a limit",
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "an item is of a format that is not served",
        HTTPStatus.UNPROCESSABLE_ENTITY: "an item cannot be embedded",
        HTTPStatus.TOO_MANY_REQUESTS: "the queue is full; see Retry-After",
        HTTPStatus.SERVICE_UNAVAILABLE: "no model is ready; see Retry-After",
    }.items()
}
UNREADY: Final[dict[int | str, dict[str, Any]]] = {503: ERRORS[503]}
CLIENT_GONE: Final = 499  # nobody reads it; it is for the metrics
# Bytes up to which a body is read at once (0.7 ms for a MiB); a larger one is put into shared memory as it
# arrives, and no byte of it comes into the interpreter.
INLINE_BODY: Final = 1 << 20

router = APIRouter()


class ClientGone(Exception):
    """The client hung up before its answer."""


def takes_body(body: type[BaseModel]) -> dict[str, Any]:
    """Return what /openapi.json says of a body that an end point reads itself."""
    # The body is read raw: Weaviate sends no Content-Type, which FastAPI would refuse.
    return {
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": body.model_json_schema()}},
        }
    }


@router.post(
    "/vectorize",
    response_model=VectorizeResponse,
    responses=ERRORS,
    openapi_extra=takes_body(VectorizeRequest),
    summary="Vectors for items of every modality",
)
async def vectorize(request: Request) -> Response:
    """Answer one vector for each item, or name every item that has none."""
    service: Service = request.app.state.service
    service.readiness.require()
    async with read_body(request, service, Kind.VECTORIZE) as body:
        embeddings = await embed_items(request, service, body.items)
    answer: dict[str, list[Any]] = {modality.vector_key: [] for modality in Modality}
    for item, embedding in zip(body.items, embeddings, strict=True):
        answer[item.modality.vector_key].append(embedding.vector)
    return json_answer(answer)


@router.head("/.well-known/live", include_in_schema=False)
@router.get("/.well-known/live", status_code=204, responses=UNREADY)
async def live(request: Request) -> Response:
    """204 while the process is worth keeping, 503 when only a restart helps."""
    readiness = request.app.state.service.readiness
    return _probe(readiness.live, readiness.describe())


@router.head("/.well-known/ready", include_in_schema=False)
@router.get("/.well-known/ready", status_code=204, responses=UNREADY)
async def ready(request: Request) -> Response:
    """204 when vectors can be asked for, 503 before and while the server drains."""
    readiness = request.app.state.service.readiness
    return _probe(readiness.ready, readiness.describe())


@router.get("/meta", response_model=Meta, summary="What is served, and its state")
async def meta(request: Request) -> Response:
    """Answer at once and always: Weaviate's own readiness hangs on it."""
    service: Service = request.app.state.service
    return json_answer(service.meta(__version__))


@router.get("/metrics", response_class=Response, summary="Prometheus metrics")
async def metrics(request: Request) -> Response:
    """Answer in Prometheus's text format."""
    text = request.app.state.service.metrics.render()
    return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")


@contextlib.asynccontextmanager
async def read_body(request: Request, service: Service, kind: Kind) -> AsyncIterator[Body]:
    """Read the body, holding its bytes of the budget until the block ends.

    Raises RequestTooLarge as soon as it is known, InvalidRequest, RequestTimeout, QueueFull, ClientGone.
    """
    limit_s = service.settings.body_timeout_s
    with contextlib.ExitStack() as held:
        try:
            # Of the whole body: a client that sends a byte now and then makes progress for ever.
            async with asyncio.timeout(limit_s):
                raw = await _receive(request, service, held)
        except TimeoutError:
            raise RequestTimeout(
                f"the body has not arrived within {limit_s:g} s, the limit (--body-timeout-s)"
            ) from None
        reading = service.read(kind, raw)
        body = await (reading if isinstance(raw, bytes) else unless_gone(request, reading))
        del raw
        yield body


async def _receive(request: Request, service: Service, held: contextlib.ExitStack) -> bytes | Shared:
    """Return the body, a large one in shared memory; `held` holds its bytes."""
    limit, budget = service.settings.max_request_bytes, service.scheduler.bytes_held
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


async def embed_items(
    request: Request, service: Service, items: Sequence[Item], name: str | None = None
) -> list[Embedding]:
    """Return the items' embeddings, or raise one error that names every item that has none."""
    if not items:
        return []
    work = service.scheduler.embed([(item.modality, item.data) for item in items])
    outcomes = await unless_gone(request, work)
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


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _probe(good: bool, description: str) -> Response:
    return Response(status_code=204) if good else json_answer({"error": description}, 503)
