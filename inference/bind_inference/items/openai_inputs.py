"""Says what an element of `input` is, in the forms that clients of /v1/embeddings have for it. Pure.

"a dog"                                                  a string: data_uri tells
{"text": "a dog"}                                        one field that is named like a modality: a text,
{"image": "iVBORw0…"}, {"image": "data:image/png;…"}     or media in base64, with or without the head of a
{"thermal": "…"}                                         data: URI, whose type does not matter then
{"type": "text", "text": "a dog"}                        parts, as those of OpenAI's messages
{"type": "image_url", "image_url": {"url": "data:…"}}    whose URI tells, so that a video may be one too
{"image": "https://…"}, {"image_url": {"url": "https://…"}}   an address, which a setting may allow to fetch
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from bind_inference.errors import InvalidItem, InvalidRequest
from bind_inference.items.data_uri import classify
from bind_inference.modality import Modality

_URL: Final = "_url"
_FORMS: Final = (
    f'{{"{Modality.TEXT}": …}}, the same with {", ".join(list(Modality)[1:])}, or '
    '{"type": "image_url", "image_url": {"url": "data:…"}}'
)


@dataclass(frozen=True)
class Url:
    """It is where a medium lies."""

    url: str


def classify_input(given: str | dict[str, Any]) -> tuple[Modality, str | Url]:
    """Return the modality of an element, and it as the scheduler takes it: a text, or media in base64.

    Of an element that names a medium by its address: that.

    Raises InvalidRequest for an object of no form, InvalidItem, UnsupportedMedia.
    """
    if isinstance(given, str):
        return classify(given)
    names = [name for name in given if name != "type"]
    if len(names) != 1:
        raise InvalidRequest(f"an object holds one item: {_FORMS}")
    (name,) = names
    value = given[name]
    if name.endswith(_URL):
        return _classify_url(name, value)
    try:
        modality = Modality(name)
    except ValueError:
        raise InvalidRequest(f"{name[:80]!r} is no kind of item; an object is {_FORMS}") from None
    if not isinstance(value, str):
        raise InvalidRequest(f"{name}: must be a string")
    if modality is Modality.TEXT:
        return modality, value
    return modality, Url(value) if _is_address(value) else value


def _classify_url(name: str, value: object) -> tuple[Modality, str | Url]:
    """Return what a part such as `image_url` holds; its value may be the string itself."""
    url = value.get("url") if isinstance(value, dict) else value
    if not isinstance(url, str):
        raise InvalidRequest(f"{name[:80]}: must hold a string, url")
    if _is_address(url):
        return _named_medium(name), Url(url)
    if url[:5].casefold() != "data:":
        raise InvalidItem(f"{name[:80]}: must be a data: URI")
    return classify(url)


def _named_medium(name: str) -> Modality:
    """Return the modality that a part's name tells: what an address's server calls its medium does not."""
    try:
        modality = Modality(name.removesuffix(_URL))
    except ValueError:
        modality = Modality.TEXT
    if modality is Modality.TEXT:
        raise InvalidRequest(f"{name[:80]!r} is no kind of medium; an object is {_FORMS}")
    return modality


def _is_address(value: str) -> bool:
    return value[:8].casefold().startswith(("http://", "https://"))
