"""Says what an element of `input` is, in the forms that clients of /v1/embeddings have for it. Pure.

"a dog"                                                  a string: data_uri tells
{"text": "a dog"}                                        one field that is named like a modality: a text,
{"image": "iVBORw0…"}, {"image": "data:image/png;…"}     or media in base64, with or without the head of a
{"thermal": "…"}                                         data: URI, whose type does not matter then
{"type": "text", "text": "a dog"}                        parts, as those of OpenAI's messages
{"type": "image_url", "image_url": {"url": "data:…"}}    whose URI tells, so that a video may be one too
"""

from __future__ import annotations

from typing import Any, Final

from bind_inference.errors import InvalidItem, InvalidRequest
from bind_inference.items.data_uri import classify
from bind_inference.modality import Modality

_URL: Final = "_url"
_FORMS: Final = (
    f'{{"{Modality.TEXT}": …}}, the same with {", ".join(list(Modality)[1:])}, or '
    '{"type": "image_url", "image_url": {"url": "data:…"}}'
)


def classify_input(given: str | dict[str, Any]) -> tuple[Modality, str]:
    """Return the modality of an element, and it as the scheduler takes it: a text, or media in base64.

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
        return classify(_data_uri(name, value))
    try:
        modality = Modality(name)
    except ValueError:
        raise InvalidRequest(f"{name[:80]!r} is no kind of item; an object is {_FORMS}") from None
    if not isinstance(value, str):
        raise InvalidRequest(f"{name}: must be a string")
    if modality is Modality.TEXT:
        return modality, value
    _refuse_address(value)
    return modality, value


def _data_uri(name: str, value: object) -> str:
    """Return the URI of a part such as `image_url`, whose value may be the string itself."""
    url = value.get("url") if isinstance(value, dict) else value
    if not isinstance(url, str):
        raise InvalidRequest(f"{name[:80]}: must hold a string, url")
    _refuse_address(url)
    if url[:5].casefold() != "data:":
        raise InvalidItem(f"{name[:80]}: must be a data: URI")
    return url


def _refuse_address(value: str) -> None:
    if value[:8].casefold().startswith(("http://", "https://")):
        raise InvalidItem("addresses are not fetched; send the medium itself, `data:<type>;base64,…`")
