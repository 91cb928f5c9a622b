"""Declares the bodies of requests and responses, and explains what is wrong with one that fits none."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic_core import from_json

from bind_inference.errors import MAX_NAMED, InvalidRequest, RequestTooLarge, join_faults
from bind_inference.items.windows import LEAST_S, WINDOWED, Windows
from bind_inference.modality import Modality

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic_core import ErrorDetails

_WINDOWS: Final = "windows"
_MOST_S: Final = 1e7


class RequestBody(BaseModel):
    """A request's body is refused with the names of unknown fields and of wrong types."""

    model_config = ConfigDict(extra="forbid", strict=True)


class WindowOptions(RequestBody):
    """A vector for each stretch of a recording; times are in seconds, to the millisecond."""

    length_s: float = Field(default=2.0, ge=LEAST_S, le=600, description="length of a window")
    stride_s: float | None = Field(
        default=None,
        ge=LEAST_S,
        le=14400,
        description="from the start of one to that of the next; null: length_s",
    )
    start_s: float = Field(default=0.0, ge=0, le=_MOST_S, description="no window starts before")
    end_s: float | None = Field(default=None, ge=0, le=_MOST_S, description="none starts then or later")

    def windows(self) -> Windows:
        """Return the same in milliseconds."""
        stride_s = self.length_s if self.stride_s is None else self.stride_s
        end_ms = None if self.end_s is None else round(self.end_s * 1000)
        return Windows(
            round(self.length_s * 1000), round(stride_s * 1000), round(self.start_s * 1000), end_ms
        )


_window_fields: dict[str, Any] = {
    str(modality): (WindowOptions | None, Field(default=None)) for modality in WINDOWED
}
WindowsByModality: Final = create_model(
    "WindowsByModality",
    __base__=RequestBody,
    __doc__='Recordings of these modalities are wanted in windows: `{"audio": {}}` is two seconds each.',
    **_window_fields,
)


class _ItemsByModality(RequestBody):
    """The fields of a request to /vectorize are the rows of the table; this is what else it can do."""

    def wanted_windows(self) -> dict[Modality, Windows]:
        """Return which windows are asked for, by modality."""
        asked = getattr(self, _WINDOWS, None)
        found = {modality: getattr(asked, modality, None) for modality in WINDOWED}
        return {modality: options.windows() for modality, options in found.items() if options}

    def items(self) -> list[tuple[Modality, int, str]]:
        """Return every item with its modality and its place in that modality's list."""
        return [
            (modality, index, data)
            for modality in Modality
            for index, data in enumerate(getattr(self, modality.plural) or ())
        ]


_request_fields: dict[str, Any] = {
    modality.plural: (list[str] | None, Field(default=None, description=modality.entry.description))
    for modality in Modality
} | {
    _WINDOWS: (
        WindowsByModality | None,
        Field(default=None, description="a vector for each stretch of a recording, instead of one for all"),
    )
}
VectorizeRequest: Final = create_model(
    "VectorizeRequest",
    __base__=_ItemsByModality,
    __doc__="Items by modality. A missing, null or empty list gives an empty list of vectors.",
    **_request_fields,
)


class ItemError(BaseModel):
    """One item has no vector; `field` and `index` say which, `status` what it would be alone."""

    field: str = Field(examples=["images"])
    index: int
    status: int = Field(examples=[422])
    code: str = Field(examples=["invalid_item"])
    message: str = Field(examples=["not a decodable image"])


class WindowVector(BaseModel):
    """A window of recording `index` has this vector; times are in seconds."""

    index: int
    start_s: float = Field(examples=[12.0])
    end_s: float = Field(examples=[14.0])
    vector: list[float]


_response_fields: dict[str, Any] = (
    {modality.vector_key: list[list[float] | None] for modality in Modality}
    | {
        modality.window_key: (
            list[WindowVector] | None,
            Field(
                default=None, description=f"only if `windows` asks for {modality}: in order, file after file"
            ),
        )
        for modality in WINDOWED
    }
    | {
        "errors": (
            list[ItemError] | None,
            Field(default=None, description="only with `Prefer: handling=lenient`: one for each null"),
        )
    }
)
VectorizeResponse: Final = create_model(
    "VectorizeResponse",
    __doc__="One vector for each item, in the request's order; every list of vectors is always there. null "
    "only with `Prefer: handling=lenient`, for an item that has none. Recordings that are wanted in windows "
    "have theirs in a list of their own.",
    **_response_fields,
)


class ErrorBody(BaseModel):
    """Every response that is not a success has this body."""

    error: str = Field(examples=["images[2]: not a decodable image"])


class PrecisionCheck(BaseModel):
    """The self-check has compared a precision's vectors with float32's: the least cosine of each modality."""

    precision: str
    passed: bool
    least_cosine: float
    cosines: dict[str, float]


class PhaseProgress(BaseModel):
    """It says how far a phase with a measure is: a download, a conversion."""

    done_bytes: int
    total_bytes: int
    seconds_left: float | None


class Meta(BaseModel):
    """/meta says what this server serves."""

    model: str
    dimension: int
    state: str
    detail: str
    progress: PhaseProgress | None
    device: str
    precision: str
    precision_checks: list[PrecisionCheck]
    fingerprint: str | None
    modalities: list[str]
    weights: str
    licence: str
    version: str
    gate: str | None = None
    """The gate that asked, by its own name; there only where one said it."""


BodyT = TypeVar("BodyT", bound=RequestBody)


def validate_body(model: type[BodyT], raw: bytes, max_items: int) -> BodyT:
    """Return the body as a `model`; its Content-Type does not matter, because Weaviate sends none.

    Raises InvalidRequest that names all faults, RequestTooLarge above `max_items` items.
    """
    try:
        # 40 ms for 64 MiB, orjson 66 ms; both hold the interpreter for that long: see bodies
        parsed = from_json(raw, allow_inf_nan=False, cache_strings="none")
    except ValueError as error:
        reason = "is empty" if not raw.strip() else f"is not valid JSON: {error}"
        raise InvalidRequest(f"the body {reason}") from None
    if isinstance(parsed, dict):
        count = sum(len(value) for value in parsed.values() if isinstance(value, list))
        if count > max_items:
            raise RequestTooLarge(f"{count:,} items are above the limit of {max_items:,} a request")
    unnamed = sum(_drop_unknown(*part) for part in _objects(model, parsed))
    try:
        return model.model_validate(parsed)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False, include_context=True)
        explained = [_explain(model, fault) for fault in faults]
        refusal = InvalidRequest(join_faults(explained, unnamed))
        if len(explained) == 1 and not unnamed and faults[0]["loc"]:
            refusal.item = str(faults[0]["loc"][0])[:80]
        raise refusal from None


def _objects(model: type[RequestBody], parsed: Any) -> Iterator[tuple[type[RequestBody], dict[str, Any]]]:
    """Yield the objects of a body that have fields, each with what declares these."""
    if not isinstance(parsed, dict):
        return
    yield model, parsed
    if model is VectorizeRequest:
        yield from _objects(WindowsByModality, parsed.get(_WINDOWS))
    elif model is WindowsByModality:
        for modality in WINDOWED:
            yield from _objects(WindowOptions, parsed.get(modality))


def _drop_unknown(model: type[RequestBody], parsed: dict[str, Any]) -> int:
    """Leave as many unknown fields in the body as one error names; return how many were taken out.

    Each costs pydantic 6 µs, and a body of 1 MiB can have 90,000.
    """
    unknown = list(itertools.filterfalse(model.model_fields.__contains__, parsed))
    for name in unknown[MAX_NAMED:]:
        del parsed[name]
    ignored = model.model_config.get("extra") == "ignore"
    return 0 if ignored else max(0, len(unknown) - MAX_NAMED)


def _explain(model: type[RequestBody], fault: ErrorDetails) -> str:
    location: list[Any] = list(fault["loc"])
    fields = ", ".join(_fields_at(model, location))
    if not location:
        return f"the body must be a JSON object with {fields}"
    name = str(location[0])[:80] + "".join(f"[{part}]" for part in location[1:] if isinstance(part, int))
    if location[0] == _WINDOWS:
        name = ".".join(str(part)[:80] for part in location)
    match fault["type"]:
        case "extra_forbidden":
            return f"{name}: unknown field; known are {fields}"
        case "missing":
            return f"{name}: is required"
        case "string_type" if isinstance(location[-1], int):
            return f"{name}: must be a string"
        case "list_type":
            return f"{name}: must be a list of strings"
        case "string_type":
            return f"{name}: must be a string"
        case "int_type" | "int_parsing":
            return f"{name}: must be a whole number"
        case "float_type":
            return f"{name}: must be a number"
        case "model_type":
            return f"{name}: must be an object with {', '.join(_fields_at(model, [*location, '']))}"
        case "bool_type":
            return f"{name}: must be true or false"
        case "literal_error":
            return f"{name}: must be {fault['ctx']['expected']}"
        case _:
            return f"{name}: {fault['msg']}"


def _fields_at(model: type[RequestBody], location: list[Any]) -> list[str]:
    """Return the fields that are known where the last of `location` stands."""
    if location[:1] != [_WINDOWS] or len(location) == 1:
        return list(model.model_fields)
    return list((WindowsByModality if len(location) == 2 else WindowOptions).model_fields)
