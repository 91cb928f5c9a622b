"""An object of `spec.valuesFrom` becomes a layer of values, or an error that says what it lacks."""

import base64
from collections.abc import Mapping
from typing import Any

from bind_operator.api.delivery import SourceKind, ValuesSource
from bind_operator.errors import InvalidValues, ValuesSourceMissing
from bind_operator.release.layers import Layer, read_layer


def place_of(index: int, source: ValuesSource) -> str:
    """Return how messages name the source of that index."""
    return f"spec.valuesFrom[{index}] ({source.kind} {source.name}, key {source.key})"


def read_source(
    index: int, source: ValuesSource, found: Mapping[str, Any] | None, *, where: str
) -> Layer | None:
    """Return the layer in the object `found`; None if it is optional and not there.

    where: the place in which a missing one was looked for, in words.
    Raises InvalidValues or ValuesSourceMissing.
    """
    place = place_of(index, source)
    text = _texts(found, source.kind).get(source.key)
    if text is not None:
        is_secret = source.kind is SourceKind.SECRET
        return read_layer(place, _decoded(text, place), is_secret=is_secret)
    if source.optional:
        return None
    if found is None:
        raise ValuesSourceMissing(f"{place}: is not {where}; create it, or set optional: true")
    keys = ", ".join(sorted(_texts(found, source.kind))) or "none"
    raise ValuesSourceMissing(f"{place}: has no such key, but {keys}; set key to one that is there")


def _texts(found: Mapping[str, Any] | None, kind: SourceKind) -> dict[str, str | bytes]:
    """Return what an object holds by its keys: texts, and bytes in base64."""
    data: dict[str, str | bytes] = dict((found or {}).get("data") or {})
    if kind is SourceKind.CONFIG_MAP:
        return data
    encoded: dict[str, str | bytes] = {key: str(value).encode() for key, value in data.items()}
    # A manifest may have them so; the API server has none.
    return encoded | dict((found or {}).get("stringData") or {})


def _decoded(text: str | bytes, place: str) -> str:
    if isinstance(text, str):
        return text
    try:
        return base64.b64decode(text).decode()
    except ValueError as error:
        raise InvalidValues(f"{place}: is no text in UTF-8; write values as in a values.yaml") from error
