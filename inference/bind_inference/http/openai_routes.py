"""Serves /v1/embeddings and /v1/models: the vectors and the queue of /vectorize, in OpenAI's shape."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pybase64
from fastapi import APIRouter, Request, Response

from bind_inference import __version__
from bind_inference.errors import BindError, InvalidRequest, combine
from bind_inference.http.remote_items import fetch_remote
from bind_inference.http.requests import LENIENT, embed_items, embed_leniently, is_lenient, receive_body
from bind_inference.http.responses import Rows, json_response, rows_response
from bind_inference.http.routes import ERRORS, documented
from bind_inference.items.bodies import Endpoint, in_order
from bind_inference.items.embedding import Embedding
from bind_inference.items.openai_errors import input_error, openai_error
from bind_inference.items.openai_schemas import (
    EmbeddingsRequest,
    EmbeddingsResponse,
    Model,
    Models,
    OpenAIErrorBody,
)
from bind_inference.settings import canonical_model

if TYPE_CHECKING:
    from bind_inference.http.backend import Backend
    from bind_inference.items.embedding import Vector

OPENAI_ERRORS: Final[dict[int | str, dict[str, Any]]] = {
    status: response | {"model": OpenAIErrorBody} for status, response in ERRORS.items()
}
NO_SUCH_MODEL: Final[dict[int | str, dict[str, Any]]] = {
    404: {"model": OpenAIErrorBody, "description": "another model than the one that is served"}
}

router = APIRouter(prefix="/v1", tags=["OpenAI's shape"])


@router.post(
    "/embeddings",
    summary="Vectors for texts and media, in OpenAI's shape",
    **documented(EmbeddingsRequest, EmbeddingsResponse, OPENAI_ERRORS),
)
async def embeddings(request: Request) -> Response:
    """Answer as OpenAI's end point does. The vectors are those of /vectorize, brought to length 1.

    With `Prefer: handling=lenient` an input that has no vector keeps its place in `data`, with null for its
    embedding, and `errors` says why.
    """
    service: Backend = request.app.state.service
    lenient = is_lenient(request)
    async with receive_body(request, Endpoint.EMBEDDINGS) as body:
        _check(body.options, service)
        if not body.faults or lenient:
            body = await fetch_remote(request, body)
        if body.faults and not lenient:
            raise combine(body.faults)
        embed = embed_leniently if lenient else partial(embed_items, name="input")
        outcomes = in_order(body, await embed(request, body.items))
    scale = _as_it_is if body.options["normalize"] is False else _normalized
    encode = _base64 if body.options["encoding_format"] == "base64" else _as_it_is
    tokens = sum(outcome.tokens for outcome in outcomes if isinstance(outcome, Embedding))
    data = (
        {
            "object": "embedding",
            "index": index,
            "embedding": encode(scale(outcome.vector)) if isinstance(outcome, Embedding) else None,
        }
        for index, outcome in enumerate(outcomes)
    )
    content: dict[str, object] = {
        "object": "list",
        "data": Rows(len(outcomes), data),
        "model": service.settings.model,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }
    if lenient:
        errors = [(index, error) for index, error in enumerate(outcomes) if isinstance(error, BindError)]
        content["errors"] = [input_error(index, error) for index, error in errors]
    return rows_response(content, service, LENIENT if lenient else None)


@router.get("/models", response_model=Models, summary="The model that is served")
async def models(request: Request) -> Response:
    """Answer a list of one, at any time."""
    return json_response({"object": "list", "data": [_model(request)]})


@router.get("/models/{name}", response_model=Model, responses=NO_SUCH_MODEL, summary="One model")
async def model(request: Request, name: str) -> Response:
    """Answer what is known of the model, at any time."""
    served = _model(request)
    if canonical_model(name) != served["id"]:
        message = f"this server serves {served['id']}"
        return json_response(openai_error(404, message, code="model_not_found", param="model"), 404)
    return json_response(served)


def _check(options: dict[str, Any], service: Backend) -> None:
    served, dimension = service.settings.model, service.dimension
    if options["model"] is not None and canonical_model(options["model"]) != served:
        raise InvalidRequest(f"this server serves {served}").named("model")
    if options["dimensions"] not in {None, dimension}:
        raise InvalidRequest(f"{served} has {dimension}").named("dimensions")
    if not options["count"]:
        raise InvalidRequest("must have at least one text").named("input")


def _model(request: Request) -> dict[str, Any]:
    service: Backend = request.app.state.service
    meta = service.meta(__version__)
    known = ("dimension", "modalities", "precision", "fingerprint", "licence")
    return {
        "id": meta["model"],
        "object": "model",
        "created": service.started,
        "owned_by": "bindvectorizer",
        **{name: meta[name] for name in known},
    }


def _as_it_is(vector: Vector) -> Vector:
    return vector


def _normalized(vector: Vector) -> Vector:
    """Return the vector of length 1 in its direction, as OpenAI's are; one of zeros has none."""
    length = np.linalg.norm(vector.astype(np.float64))
    return (vector / length).astype(np.float32) if length else vector


def _base64(vector: Vector) -> str:
    return pybase64.b64encode(vector.astype("<f4").tobytes()).decode()
