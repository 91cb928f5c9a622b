"""Make objects of the server of what a decoder process sends.

A message is a line of JSON that says where in the shared memory beside it the reply stands, JSON too. A
decoder that was taken over by its input may write what it likes there: it is data, never code.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import orjson

from bind_inference.decoders.decoding import Decoded
from bind_inference.errors import rebuild
from bind_inference.items.bodies import Item, ParsedBody, RemoteItem
from bind_inference.items.shared_memory import Blob, Shared
from bind_inference.items.slices import Slice
from bind_inference.modality import Modality

if TYPE_CHECKING:
    import mmap
    from collections.abc import Callable

    import numpy.typing as npt

    from bind_inference.errors import BindError

# A map holds a descriptor, of which there may be 1,024: worth it for a video, once for all of its slices, not
# for each of 4,096 images.
_COPY_BYTES: Final = 1 << 20
# Texts of a large body that come back as strings, to be tokenized in the server.
_SHORT_TEXT_BYTES: Final = 2000


def read_reply(message: bytes, shared: Shared) -> dict[str, Any]:
    """Return the reply that `message` points at."""
    place = orjson.loads(message)
    reply: dict[str, Any] = orjson.loads(shared.read(place["offset"], place["length"]))
    return reply


def build_error(fault: dict[str, Any]) -> BindError:
    """Return the error whose class a decoder names."""
    return rebuild(str(fault["kind"]), str(fault["message"]), fault.get("item"))


def build_decoded(reply: dict[str, Any], shared: Shared) -> Decoded:
    """Return a decoded item; the arrays of a large one stay in the shared memory."""
    map_once = functools.cache(shared.map)
    return Decoded(
        [
            Slice(
                _array(shared, map_once, part["offset"], part["shape"], part["dtype"]),
                part["share"],
                part["gflop"],
                part["window"],
            )
            for part in reply["slices"]
        ],
        reply["tokens"],
    )


def build_duration(reply: dict[str, Any], _shared: Shared) -> int:
    """Return a recording's milliseconds."""
    return int(reply["duration_ms"])


def build_body(reply: dict[str, Any], shared: Shared) -> ParsedBody:
    """Return a body; the strings of its media stay in the shared memory."""
    items = []
    for name, index, offset, length, digest in reply["items"]:
        modality = Modality(name)
        blob = Blob(shared, offset, length, bytes.fromhex(digest))
        short = modality is Modality.TEXT and length <= _SHORT_TEXT_BYTES
        items.append(Item(modality, index, blob.read() if short else blob))
    faults = [build_error(fault) for fault in reply["faults"]]
    remote = [RemoteItem(Modality(name), int(index), str(url)) for name, index, url in reply["remote"]]
    return ParsedBody(items, faults, reply["options"], remote)


def _array(
    shared: Shared, map_once: Callable[[], mmap.mmap], offset: int, shape: list[int], dtype: str
) -> npt.NDArray[Any]:
    size = math.prod(shape)
    if size * 4 > _COPY_BYTES:
        return np.frombuffer(map_once(), dtype, size, offset).reshape(shape)
    array = np.empty(shape, dtype)
    shared.read_into(array.data.cast("B"), offset)
    return array
