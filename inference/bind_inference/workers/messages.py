"""Makes messages of what workers and the main process tell each other, and reads them. Pure.

A message is a head in JSON, a payload of bytes (vectors, a page) and files. JSON, not pickle: what a worker
that was taken over by a stranger's bytes may tell the main process is data, never code.
"""

from __future__ import annotations

import itertools
import json
import struct
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import orjson

from bind_inference.errors import BindError, rebuild
from bind_inference.items.bodies import Item, ParsedBody, RemoteItem
from bind_inference.items.embedding import Embedding, content_key
from bind_inference.items.shared_memory import Blob, Shared
from bind_inference.modality import Modality
from bind_inference.readiness import Amount, Phase, Readiness

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from bind_inference.settings import Settings

# Characters of a text that is sent in the head, because the main process cuts it into tokens itself; a longer
# one goes to a decoder, in shared memory like media. As the scheduler has it.
SHORT_TEXT: Final = 2000
_LENGTHS: Final = struct.Struct("<IIH")  # bytes of the head, bytes of the payload, files
_FLOAT_BYTES: Final = 4


class Malformed(Exception):
    """Nothing that came is a message of ours: the other process is not to be trusted any more."""


@dataclass
class Message:
    """A message as it came, with its files; `cut` if they did not come along: no descriptor was free."""

    head: dict[str, Any]
    payload: bytes = b""
    files: list[Shared] = field(default_factory=list)
    cut: bool = False


def join_frame(head: dict[str, Any], payload: bytes = b"", files: int = 0) -> bytes:
    """Return a message as a string of bytes; several in a row are a packet. files: how many it has."""
    raw = _dump(head)
    return _LENGTHS.pack(len(raw), len(payload), files) + raw + payload


def split_packet(packet: bytes, files: Sequence[Shared], *, cut: bool = False) -> list[Message]:
    """Return the messages of a packet, each with its files; `cut`: not all came along. Raises Malformed."""
    messages, start, first = list[Message](), 0, 0
    while start < len(packet):
        try:
            head_bytes, payload_bytes, count = _LENGTHS.unpack_from(packet, start)
            start += _LENGTHS.size
            middle, end = start + head_bytes, start + head_bytes + payload_bytes
            head = _load(packet[start:middle])
        except (struct.error, ValueError) as error:
            raise Malformed(str(error)) from error
        if not isinstance(head, dict) or end > len(packet):
            raise Malformed("a message is cut or has no head")
        own = list(files[first : first + count])
        if len(own) < count and not cut:
            raise Malformed("a message has fewer files than it says")
        messages.append(Message(head, packet[middle:end], own, cut=len(own) < count))
        start, first = end, first + count
    return messages


def pack_items(items: Sequence[Item]) -> tuple[list[list[Any]], list[Shared]]:
    """Return what a head says of `items`, and the files that their media are in: few, whatever their number.

    Media are hashed here: that is 0.8 ms for each MiB which the main process does not spend.
    """
    packed: list[list[Any]] = []
    files: list[Shared] = []
    own: Shared | None = None
    for item in items:
        data = item.data
        if isinstance(data, str) and item.modality is Modality.TEXT and len(data) <= SHORT_TEXT:
            packed.append([item.modality, item.index, data])
            continue
        if isinstance(data, str):
            own = own or Shared()
            raw = data.encode("utf-8", "surrogatepass")
            data = Blob(own, own.write(raw), len(raw), content_key(item.modality, data)[1])
        if data.shared not in files:
            files.append(data.shared)
        place = files.index(data.shared)
        packed.append([item.modality, item.index, data.offset, data.length, data.digest.hex(), place])
    return packed, files


def unpack_items(packed: Sequence[Sequence[Any]], files: Sequence[Shared]) -> list[Item]:
    """Return the items; media stay in their file. Raises Malformed."""
    try:
        return [
            Item(
                Modality(modality),
                index,
                rest[0] if len(rest) == 1 else Blob(files[rest[3]], rest[0], rest[1], bytes.fromhex(rest[2])),
            )
            for modality, index, *rest in packed
        ]
    except (IndexError, TypeError, ValueError) as error:
        raise Malformed(f"items: {error}") from error


def pack_error(error: BindError) -> list[str | None]:
    """Return what a head says of an error."""
    return [type(error).__name__, error.message, error.item]


def unpack_error(packed: Sequence[Any]) -> BindError:
    """Return the error. Raises Malformed."""
    try:
        kind, message, item = packed
    except ValueError as error:
        raise Malformed(f"an error: {error}") from error
    return rebuild(str(kind), str(message), item)


def pack_outcomes(outcomes: Sequence[Embedding | BindError]) -> tuple[list[Any], bytes]:
    """Return what a head says of outcomes, and the vectors in a row.

    The head has for each its tokens, the times of its windows as `{"times_s": …}`, or its error.
    """
    packed: list[Any] = []
    for outcome in outcomes:
        if isinstance(outcome, BindError):
            packed.append(pack_error(outcome))
        else:
            packed.append(outcome.tokens if outcome.times_s is None else {"times_s": outcome.times_s})
    vectors = [
        outcome.vector.astype(np.float32, copy=False).tobytes()
        for outcome in outcomes
        if isinstance(outcome, Embedding)
    ]
    return packed, b"".join(vectors)


def unpack_outcomes(packed: Sequence[Any], payload: bytes) -> list[Embedding | BindError]:
    """Return the outcomes. Raises Malformed."""
    counts = [
        0 if isinstance(outcome, list) else len(outcome["times_s"]) if isinstance(outcome, dict) else 1
        for outcome in packed
    ]
    if len(payload) % (_FLOAT_BYTES * max(sum(counts), 1)):
        raise Malformed("vectors: their bytes are no whole number of them")
    columns = len(payload) // (_FLOAT_BYTES * max(sum(counts), 1))
    rows = np.frombuffer(payload, np.float32).reshape(sum(counts), columns)
    starts = itertools.accumulate(counts, initial=0)
    return [_unpack_outcome(outcome, rows, start) for outcome, start in zip(packed, starts, strict=False)]


def _unpack_outcome(outcome: Any, rows: npt.NDArray[np.float32], start: int) -> Embedding | BindError:
    if isinstance(outcome, list):
        return unpack_error(outcome)
    if isinstance(outcome, dict):
        times_s = [(begin, end) for begin, end in outcome["times_s"]]
        return Embedding(rows[start : start + len(times_s)], 0, times_s)
    return Embedding(rows[start], outcome)


def pack_body(body: ParsedBody) -> tuple[dict[str, Any], list[Shared]]:
    """Return what a head says of a body that was parsed, and the files that its media are in."""
    items, files = pack_items(body.items)
    head = {
        "items": items,
        "faults": [pack_error(fault) for fault in body.faults],
        "options": body.options,
        "remote": [[item.modality, item.index, item.url] for item in body.remote],
    }
    return head, files


def unpack_body(head: dict[str, Any], files: Sequence[Shared]) -> ParsedBody:
    """Return the body. Raises Malformed."""
    faults = [unpack_error(fault) for fault in head["faults"]]
    remote = [RemoteItem(Modality(name), index, url) for name, index, url in head["remote"]]
    return ParsedBody(unpack_items(head["items"], files), faults, head["options"], remote)


def pack_settings(settings: Settings) -> dict[str, Any]:
    """Return what a head says of the settings, with the keys, of which a dump has asterisks."""
    keys = settings.api_keys.get_secret_value() if settings.api_keys else None
    return settings.model_dump(mode="json") | {"api_keys": keys}


def pack_readiness(readiness: Readiness) -> dict[str, Any]:
    """Return what a head says of the state."""
    return asdict(readiness)


def unpack_readiness(packed: dict[str, Any]) -> Readiness:
    """Return the state."""
    amount = packed["amount"]
    return Readiness(
        Phase(packed["phase"]), packed["detail"], packed["progress"], Amount(**amount) if amount else None
    )


def _dump(head: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(head)
    except TypeError:  # half a surrogate pair, which only Python's own JSON takes
        return json.dumps(head).encode()


def _load(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except ValueError:
        return json.loads(raw)
