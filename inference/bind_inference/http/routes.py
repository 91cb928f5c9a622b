"""Serves /vectorize, /meta, /metrics and the probes."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter, Request, Response

from bind_inference import __version__
from bind_inference.errors import BindError, RequestTooLarge
from bind_inference.http.requests import LENIENT, embed_items, embed_leniently, is_lenient, receive_body
from bind_inference.http.responses import Rows, json_response, rows_response
from bind_inference.items.bodies import Endpoint
from bind_inference.items.embedding import Embedding
from bind_inference.items.openai_errors import error_code
from bind_inference.items.schemas import ErrorBody, Meta, VectorizeRequest, VectorizeResponse
from bind_inference.items.windows import unpack_windows
from bind_inference.modality import Modality
from bind_inference.scheduling.quarantine import MAX_TOLD_BYTES, SUSPECTS_PATH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import BaseModel

    from bind_inference.http.backend import Backend
    from bind_inference.items.bodies import Item

ERRORS: Final[dict[int | str, dict[str, Any]]] = {
    int(status): {"model": ErrorBody, "description": text}
    for status, text in {
        HTTPStatus.BAD_REQUEST: "the body is not what this end point takes",
        HTTPStatus.UNAUTHORIZED: "no API key, or none of the server's; see WWW-Authenticate",
        HTTPStatus.REQUEST_TIMEOUT: "the body did not arrive in time",
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "the body, or an item, is above a limit",
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "an item is of a format that is not served",
        HTTPStatus.UNPROCESSABLE_ENTITY: "an item cannot be embedded",
        HTTPStatus.TOO_MANY_REQUESTS: "the queue is full; see Retry-After",
        HTTPStatus.SERVICE_UNAVAILABLE: "no model is ready; see Retry-After",
        HTTPStatus.GATEWAY_TIMEOUT: "the request was not done in time, and what was left of it is dropped",
    }.items()
}
UNREADY: Final[dict[int | str, dict[str, Any]]] = {503: ERRORS[503]}

GATE_HEADER: Final = "x-gate-name"
"""A gate that Weaviate reaches by the network says in it which one it is."""
MAX_GATE_NAME: Final = 128

router = APIRouter()


def documented(
    request: type[BaseModel], response: type[BaseModel], errors: dict[int | str, dict[str, Any]]
) -> dict[str, Any]:
    """Return what a route says for /openapi.json where it parses the body itself.

    FastAPI would refuse the bodies of Weaviate, which sends no Content-Type.
    """
    schema = request.model_json_schema()
    content = {"application/json": {"schema": _inlined(schema, schema.pop("$defs", {}))}}
    return {
        "response_model": response,
        "responses": errors,
        "openapi_extra": {"requestBody": {"required": True, "content": content}},
    }


def _inlined(schema: Any, definitions: dict[str, Any]) -> Any:
    """Return a JSON schema with what it refers to in its place, because /openapi.json has that nowhere."""
    if isinstance(schema, list):
        return [_inlined(each, definitions) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    return {name: _inlined(each, definitions) for name, each in schema.items()}


@router.post(
    "/vectorize",
    summary="Vectors for items of every modality",
    **documented(VectorizeRequest, VectorizeResponse, ERRORS),
)
async def vectorize(request: Request) -> Response:
    """Answer one vector for each item, or name every item that has none.

    With `Prefer: handling=lenient` the others have their vectors all the same: null stands in the place of
    one that has none, and `errors` says why. With `windows` a recording has a vector for each of its windows.
    """
    service: Backend = request.app.state.service
    lenient = is_lenient(request)
    async with receive_body(request, Endpoint.VECTORIZE) as body:
        windows = unpack_windows(body.options["windows"])
        embed = embed_leniently if lenient else embed_items
        outcomes = await embed(request, body.items, windows)
    found: dict[Modality, list[Any]] = {modality: [] for modality in Modality}
    for item, outcome in zip(body.items, outcomes, strict=True):
        if item.modality not in windows:
            found[item.modality].append(outcome.vector if isinstance(outcome, Embedding) else None)
    content: dict[str, object] = {
        modality.vector_key: Rows(len(vectors), vectors) for modality, vectors in found.items()
    }
    for modality in windows:
        content[modality.window_key] = _windows(modality, body.items, outcomes)
    if lenient:
        content["errors"] = [
            {
                "field": item.modality.plural,
                "index": item.index,
                "status": outcome.status,
                "code": error_code(outcome),
                "message": outcome.message,
            }
            for item, outcome in zip(body.items, outcomes, strict=True)
            if isinstance(outcome, BindError)
        ]
    return rows_response(content, service, LENIENT if lenient else None)


@router.head("/.well-known/live", include_in_schema=False)
@router.get("/.well-known/live", status_code=204, responses=UNREADY)
async def live(request: Request) -> Response:
    """Answer 204 while the process is worth keeping, 503 when only a restart helps."""
    readiness = request.app.state.service.readiness
    return _probe(readiness.live, readiness.describe())


@router.head("/.well-known/ready", include_in_schema=False)
@router.get("/.well-known/ready", status_code=204, responses=UNREADY)
async def ready(request: Request) -> Response:
    """Answer 204 when vectors can be asked for, 503 before and while the server drains."""
    readiness = request.app.state.service.readiness
    return _probe(readiness.ready, readiness.describe())


@router.get("/meta", response_model=Meta, summary="What is served, and its state")
async def meta(request: Request) -> Response:
    """Answer at once and always, because Weaviate's own readiness depends on it."""
    service: Backend = request.app.state.service
    told = service.meta(__version__)
    # Weaviate passes it on in its own metadata: so it is seen there which gate its module asks.
    gate = request.headers.get(GATE_HEADER, "")[:MAX_GATE_NAME]
    return json_response(told | {"gate": gate} if gate else told)


@router.post(SUSPECTS_PATH, include_in_schema=False)
async def suspects(request: Request) -> Response:
    """Hear from another server which items it may have died of, and answer what is known."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_TOLD_BYTES:
            raise RequestTooLarge(f"suspects have more than {MAX_TOLD_BYTES:,} bytes")
    service: Backend = request.app.state.service
    return Response(await service.hear(bytes(body)), media_type="application/json")


@router.get("/metrics", response_class=Response, summary="Prometheus metrics")
async def metrics(request: Request) -> Response:
    """Answer in Prometheus's text format."""
    service: Backend = request.app.state.service
    return Response(await service.render_metrics(), media_type="text/plain; version=0.0.4; charset=utf-8")


def _windows(modality: Modality, items: Sequence[Item], outcomes: Sequence[Embedding | BindError]) -> Rows:
    """Return the windows of all recordings of a modality, in order."""
    cut = [
        (item.index, outcome.times_s or (), outcome.vector)
        for item, outcome in zip(items, outcomes, strict=True)
        if item.modality is modality and isinstance(outcome, Embedding)
    ]
    entries = (
        {"index": index, "start_s": start_s, "end_s": end_s, "vector": vector}
        for index, times_s, vectors in cut
        for (start_s, end_s), vector in zip(times_s, vectors, strict=True)
    )
    return Rows(sum(len(times_s) for _, times_s, _ in cut), entries)


def _probe(good: bool, description: str) -> Response:
    return Response(status_code=204) if good else json_response({"error": description}, 503)
