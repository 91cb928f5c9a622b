"""Declares the bodies of /v1/embeddings and /v1/models."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from bind_inference.items.schemas import RequestBody
from bind_inference.modality import Modality

_INPUT: Final = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}


def _as_list(value: object) -> object:
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list):
        raise PydanticCustomError("not_a_list", "must be a string or a list of strings")
    if any(type(item) is int or isinstance(item, list) for item in value):
        raise PydanticCustomError(
            "token_ids",
            "token ids are not taken, because they are another model's; send the texts themselves "
            "(LangChain: check_embedding_ctx_length=False)",
        )
    return value


class EmbeddingsRequest(RequestBody):
    """The request has OpenAI's shape. A string is a text, or media of any kind as a data: URI."""

    input: Annotated[list[str], BeforeValidator(_as_list), WithJsonSchema(_INPUT)] = Field(
        description="a text or a list of texts. Media are data: URIs in base64, "
        f"{', '.join(kind for modality in Modality for kind in modality.entry.media_types)}; "
        "what has no such type is named by a parameter, `data:image/png;modality=thermal;base64,…`",
        examples=["a dog", ["a dog", "data:image/png;base64,…", "data:image/png;modality=depth;base64,…"]],
    )
    model: str | None = Field(default=None, description="the model that this server serves, in any spelling")
    encoding_format: Literal["float", "base64"] = Field(
        default="float", description="base64: little-endian float32"
    )
    dimensions: int | None = Field(default=None, description="only the model's own dimension")
    user: str | None = Field(default=None, description="ignored")


class EmbeddingObject(BaseModel):
    """A vector is not normalised; `index` is its item's place in `input`."""

    object: Literal["embedding"]
    index: int
    embedding: list[float] | str


class Usage(BaseModel):
    """Tokens of texts are counted with the start and the end of each; media have none."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingsResponse(BaseModel):
    """The response has one vector for each item, in the request's order."""

    object: Literal["list"]
    data: list[EmbeddingObject]
    model: str
    usage: Usage


class Model(BaseModel):
    """A served model was `created` when the server started, in seconds since 1970."""

    model_config = ConfigDict(extra="allow")

    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class Models(BaseModel):
    """The list holds the one model that is served."""

    object: Literal["list"]
    data: list[Model]


class ErrorDetail(BaseModel):
    """`message` says what went wrong, `param` names the item or the field that is to blame."""

    message: str = Field(examples=["input[2]: not a decodable image"])
    type: str = Field(examples=["invalid_request_error"])
    param: str | None = Field(examples=["input[2]"])
    code: str | None = Field(examples=["invalid_item"])


class OpenAIErrorBody(BaseModel):
    """Every response below /v1/ that is not a success has this body."""

    error: ErrorDetail
