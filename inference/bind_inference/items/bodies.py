"""From the bytes of a request's body to its items. Pure.

Small bodies are read in the server, large ones in a decoder process, since reading 60 MB of JSON holds the
interpreter, and so every probe, for 50 ms.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from bind_inference.errors import BindError
from bind_inference.items.data_uri import classify
from bind_inference.items.openai_schemas import EmbeddingsRequest
from bind_inference.items.schemas import VectorizeRequest, parse_body

if TYPE_CHECKING:
    from bind_inference.items.shared_memory import Blob
    from bind_inference.modality import Modality


class Kind(StrEnum):
    """Whose body it is."""

    VECTORIZE = "vectorize"
    EMBEDDINGS = "embeddings"


@dataclass(frozen=True)
class Item:
    """One item: its kind, its place in the request's list, and a text as it is or media in base64."""

    modality: Modality
    index: int
    data: str | Blob


@dataclass(frozen=True)
class Body:
    """What a body asks for.

    faults: items of /v1/embeddings that are none. options: its other fields, `count` the number of inputs.
    """

    items: list[Item]
    faults: list[BindError] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)


def read_body(kind: Kind, raw: bytes, max_items: int) -> Body:
    """Return what `raw` asks for. Raises InvalidRequest, RequestTooLarge above `max_items` items."""
    if kind is Kind.VECTORIZE:
        asked = parse_body(VectorizeRequest, raw, max_items)
        return Body([Item(*item) for item in asked.items()])
    wanted = parse_body(EmbeddingsRequest, raw, max_items)
    items: list[Item] = []
    faults: list[BindError] = []
    for index, text in enumerate(wanted.input):
        try:
            modality, data = classify(text)
        except BindError as error:
            faults.append(error.named(f"input[{index}]"))
        else:
            items.append(Item(modality, index, data))
    options = wanted.model_dump(include={"model", "encoding_format", "dimensions"})
    return Body(items, faults, options | {"count": len(wanted.input)})
