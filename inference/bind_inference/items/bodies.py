"""Parses the bytes of a request's body into its items. Pure.

The server parses small bodies itself and leaves large ones to a decoder process, because 60 MB of JSON hold
the interpreter, and so every probe, for 50 ms.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from bind_inference.errors import BindError
from bind_inference.items.openai_inputs import classify_input
from bind_inference.items.openai_schemas import EmbeddingsRequest
from bind_inference.items.schemas import VectorizeRequest, validate_body
from bind_inference.items.windows import pack_windows

if TYPE_CHECKING:
    from bind_inference.items.shared_memory import Blob
    from bind_inference.modality import Modality


@dataclass(frozen=True)
class Item:
    """An item stands at `index` of its list in the request; `data` is a text as it is, or media in base64."""

    modality: Modality
    index: int
    data: str | Blob


@dataclass(frozen=True)
class ParsedBody:
    """A body asks for the vectors of `items`.

    faults: what is wrong with inputs of /v1/embeddings that are no items. options: the other fields of the
    body, there with `count`, the number of its inputs.
    """

    items: list[Item]
    faults: list[BindError] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)


class Endpoint(StrEnum):
    """The end point that a body was sent to decides its shape."""

    VECTORIZE = "vectorize"
    EMBEDDINGS = "embeddings"


def parse_body(endpoint: Endpoint, raw: bytes, max_items: int) -> ParsedBody:
    """Return what `raw` asks `endpoint` for.

    Raises InvalidRequest, RequestTooLarge above `max_items` items.
    """
    if endpoint is Endpoint.VECTORIZE:
        vectorize = validate_body(VectorizeRequest, raw, max_items)
        options = {"windows": pack_windows(vectorize.wanted_windows())}
        return ParsedBody([Item(*item) for item in vectorize.items()], options=options)
    wanted = validate_body(EmbeddingsRequest, raw, max_items)
    items: list[Item] = []
    faults: list[BindError] = []
    for index, given in enumerate(wanted.input):
        try:
            modality, data = classify_input(given)
        except BindError as error:
            faults.append(error.named(f"input[{index}]"))
        else:
            items.append(Item(modality, index, data))
    options = wanted.model_dump(include={"model", "encoding_format", "dimensions", "normalize"})
    return ParsedBody(items, faults, options | {"count": len(wanted.input)})
