"""Says of which modality a string of /v1/embeddings is: a `data:` URI tells, anything else is a text. Pure.

    data:image/png;base64,…                    image/*, audio/* and video/* are what they say
    data:image/png;modality=thermal;base64,…   thermal and depth look like images: the parameter tells
    data:text/csv;base64,…                     IMU
    data:text/plain;base64,…                   a text, in UTF-8
    data: the new oil                          a text: no type follows the colon

`modality` wins over the type, so that a sound track can be read out of a video, and a type that says nothing
(application/octet-stream) will do.
"""

from __future__ import annotations

import re
from typing import Final

from bind_inference.errors import InvalidItem, UnsupportedMedia
from bind_inference.items.base64 import decode_base64
from bind_inference.modality import Modality

MAX_TEXT_BYTES: Final = 400_000  # of a text sent as a URI; more than 77 tokens are never read
_MAX_HEADER: Final = 200
_STARTS = re.compile(r"data:([\w.+-]+/[\w.+-]+)(?=[;,])", re.IGNORECASE)
_BY_TYPE: Final = {kind: modality for modality in Modality for kind in modality.entry.media_types}


def classify(item: str) -> tuple[Modality, str]:
    """Return the modality of `item`, and it as the scheduler takes it: a text as it is, media in base64.

    Raises InvalidItem for a data: URI that is broken, UnsupportedMedia for one of a type that is not served.
    """
    start = _STARTS.match(item)
    if start is None:
        return Modality.TEXT, item
    comma = item.find(",", start.end(), _MAX_HEADER)
    parameters = item[start.end() : comma].casefold().split(";")[1:] if comma > 0 else []
    if not parameters or parameters.pop().strip() != "base64":
        raise InvalidItem("a data: URI must be base64, `data:<type>;base64,…`")
    modality = _modality(start[1].casefold(), parameters)
    data = item[comma + 1 :]
    return modality, _decode_text(data) if modality is Modality.TEXT else data


def _modality(kind: str, parameters: list[str]) -> Modality:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "modality":
            try:
                return Modality(value.strip().strip('"'))
            except ValueError:
                raise InvalidItem(f"modality: must be one of {', '.join(Modality)}") from None
    found = _BY_TYPE.get(kind) or _BY_TYPE.get(f"{kind.split('/')[0]}/*")
    if found is None:
        raise UnsupportedMedia(
            f"a data: URI of {kind[:80]} is not served, one of {', '.join(_BY_TYPE)} is; or say what it is, "
            f"`data:<type>;modality=<{'|'.join(Modality)}>;base64,…`"
        )
    return found


def _decode_text(data: str) -> str:
    try:
        return decode_base64(data, MAX_TEXT_BYTES).decode()
    except UnicodeDecodeError:
        raise InvalidItem("is not a text in UTF-8") from None
