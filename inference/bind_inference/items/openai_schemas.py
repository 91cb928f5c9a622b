"""Declares the bodies of /v1/embeddings and /v1/models."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from bind_inference.items.schemas import RequestBody
from bind_inference.modality import Modality

_ITEM: Final = {"anyOf": [{"type": "string"}, {"type": "object"}]}
_INPUT: Final = {"anyOf": [*_ITEM["anyOf"], {"type": "array", "items": _ITEM}]}


def _as_list(value: object) -> object:
    if isinstance(value, str | dict):
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


def _check_item(value: object) -> object:
    if not isinstance(value, str | dict):
        raise PydanticCustomError("not_an_item", "must be a string, or an object that holds one")
    return value


class EmbeddingsRequest(RequestBody):
    """The request has OpenAI's shape. A string is a text, or media of any kind as a data: URI.

    Fields that are not known are ignored: clients send those of other services, and those of OpenAI's next.
    """

    model_config = ConfigDict(extra="ignore")

    input: Annotated[
        list[Annotated[Any, AfterValidator(_check_item)]], BeforeValidator(_as_list), WithJsonSchema(_INPUT)
    ] = Field(
        description="a text or a list of texts. Media are data: URIs in base64, "
        f"{', '.join(kind for modality in Modality for kind in modality.entry.media_types)}; "
        "what has no such type is named by a parameter, `data:image/png;modality=thermal;base64,…`. Objects "
        f"are taken too: one field, {', '.join(Modality)}, with a text or media in base64, or "
        '`{"type": "image_url", "image_url": {"url": "data:…"}}`',
        examples=["a dog", ["a dog", "data:image/png;base64,…", {"depth": "iVBORw0…"}]],
    )
    model: str | None = Field(default=None, description="the model that this server serves, in any spelling")
    encoding_format: Literal["float", "base64"] | None = Field(
        default=None, description="base64: little-endian float32; null: float"
    )
    dimensions: int | None = Field(default=None, description="only the model's own dimension")
    normalize: bool | None = Field(
        default=None, description="false: the vectors of /vectorize, of any length; null, true: of length 1"
    )
    user: Any = Field(default=None, description="ignored")


class EmbeddingObject(BaseModel):
    """A vector has length 1 unless the request says otherwise; `index` is its item's place in `input`.

    null only with `Prefer: handling=lenient`, for an input that has none.
    """

    object: Literal["embedding"]
    index: int
    embedding: list[float] | str | None


class Usage(BaseModel):
    """Tokens of texts are counted with the start and the end of each; media have none."""

    prompt_tokens: int
    total_tokens: int


class InputError(BaseModel):
    """One input has no vector; `status` is what the answer would be for it alone."""

    index: int
    status: int = Field(examples=[422])
    message: str = Field(examples=["not a decodable image"])
    type: str = Field(examples=["invalid_request_error"])
    param: str = Field(examples=["input[2]"])
    code: str = Field(examples=["invalid_item"])


class EmbeddingsResponse(BaseModel):
    """The response has one vector for each item, in the request's order."""

    object: Literal["list"]
    data: list[EmbeddingObject]
    model: str
    usage: Usage
    errors: list[InputError] | None = Field(
        default=None, description="only with `Prefer: handling=lenient`: one for each null"
    )


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
