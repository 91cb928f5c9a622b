"""Parses the bytes of a request's body into its items. Pure.

The server parses small bodies itself and leaves large ones to a decoder process, because 60 MB of JSON hold
the interpreter, and so every probe, for 50 ms.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from bind_inference.errors import BindError
from bind_inference.items.openai_inputs import Url, classify_input
from bind_inference.items.openai_schemas import EmbeddingsRequest
from bind_inference.items.schemas import VectorizeRequest, validate_body
from bind_inference.items.windows import pack_windows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bind_inference.items.embedding import Embedding
    from bind_inference.items.shared_memory import Blob
    from bind_inference.modality import Modality


@dataclass(frozen=True)
class Item:
    """An item stands at `index` of its list in the request; `data` is a text as it is, or media in base64."""

    modality: Modality
    index: int
    data: str | Blob


@dataclass(frozen=True)
class RemoteItem:
    """An input of /v1/embeddings names its medium by an address."""

    modality: Modality
    index: int
    url: str


@dataclass(frozen=True)
class ParsedBody:
    """A body asks for the vectors of `items`.

    faults: what is wrong with inputs of /v1/embeddings that are no items, in their order. options: the other
    fields of the body, there with `count`, the number of its inputs. remote: what is to be fetched first.
    """

    items: list[Item]
    faults: list[BindError] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)
    remote: list[RemoteItem] = field(default_factory=list)

    @property
    def faults_by_index(self) -> dict[int, BindError]:
        """Return the faults, each with the place of its input."""
        known = {item.index for item in self.items} | {item.index for item in self.remote}
        missing = (index for index in range(self.options.get("count", 0)) if index not in known)
        return dict(zip(missing, self.faults, strict=True))


def in_order(body: ParsedBody, outcomes: Sequence[Embedding | BindError]) -> list[Embedding | BindError]:
    """Return what came of each input of /v1/embeddings: the outcome of its item, or its fault."""
    found: dict[int, Embedding | BindError] = {
        item.index: outcome for item, outcome in zip(body.items, outcomes, strict=True)
    }
    found |= body.faults_by_index
    return [found[index] for index in range(len(found))]


def with_fetched(body: ParsedBody, outcomes: Mapping[int, Item | BindError]) -> ParsedBody:
    """Return the body with what came of its remote items, by their places."""
    items = [*body.items, *(found for found in outcomes.values() if isinstance(found, Item))]
    faults = body.faults_by_index | {
        index: found.named(f"input[{index}]")
        for index, found in outcomes.items()
        if isinstance(found, BindError)
    }
    return ParsedBody(
        sorted(items, key=lambda item: item.index), [faults[index] for index in sorted(faults)], body.options
    )


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
    remote: list[RemoteItem] = []
    for index, given in enumerate(wanted.input):
        try:
            modality, data = classify_input(given)
        except BindError as error:
            faults.append(error.named(f"input[{index}]"))
        else:
            if isinstance(data, Url):
                remote.append(RemoteItem(modality, index, data.url))
            else:
                items.append(Item(modality, index, data))
    options = wanted.model_dump(include={"model", "encoding_format", "dimensions", "normalize"})
    return ParsedBody(items, faults, options | {"count": len(wanted.input)}, remote)
