"""Declares every way in which a request can fail, each with the HTTP status of its response.

    BindError
    ├── InvalidRequest        400  the body as a whole: no JSON, an unknown field, a wrong type
    ├── InvalidApiKey         401  no API key, or none of the server's
    ├── RequestTimeout        408  the body did not arrive in time
    ├── RequestTooLarge       413  the body, or the number of its items
    ├── InvalidItem           422  one item that no remedy of ours can embed
    │   ├── AudioTooShort     422
    │   ├── DecoderCrashed    422  its decoder process died of it
    │   ├── DecodeTimeout     422  its decoder was stopped after `decode_timeout_s`
    │   ├── AddressRefused    422  its address is not one that is fetched
    │   ├── FetchFailed       422  what is at its address could not be had
    │   └── PoisonItem        422  servers died while they worked on it
    ├── UnsupportedMedia      415  one item of a format that is not served
    ├── MediaTooLarge         413  one item, as sent or as decoded
    │   └── TooLittleMemory   413  one item, or the body, for the memory of a decoder
    ├── QueueFull             429  come again after `retry_after_s`
    ├── NotReady              503  the model is loading, failed, or the server drains
    │   ├── Draining          503
    │   └── SuspectRuns       503  one suspect at a time: another server may have room
    └── DeadlineExceeded      504  the request was not done in `request_timeout_s`

Messages are public: they are sent as `{"error": message}`, and below /v1/ in OpenAI's shape. The code that
decodes one item leaves its position out ("not a decodable image"); the request handler puts it in front
(`named`). An exception that is none of these is a bug: its traceback is logged, and the response is a 500
with nothing of it.
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import ClassVar, Final, Self

MAX_NAMED: Final = 20  # faults named in one response; the rest are counted


class BindError(Exception):
    """A failure whose message the client may read.

    A subclass gives its status, and when to come again: `class Full(BindError, status=…, retry_after_s=1)`.
    """

    status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR
    retry_after_s: ClassVar[int | None] = None

    def __init_subclass__(cls, *, status: HTTPStatus | None = None, retry_after_s: int | None = None) -> None:
        super().__init_subclass__()
        cls.status = status or cls.status
        cls.retry_after_s = retry_after_s or cls.retry_after_s

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
        self.item: str | None = None

    def named(self, item: str) -> Self:
        """Return the same error with the item in front: `images[2]: not a decodable image`."""
        error = type(self)(f"{item}: {self.message}")
        error.item = item
        return error


class InvalidRequest(BindError, status=HTTPStatus.BAD_REQUEST):
    """The body is not what the end point takes; the message names the field and what it wants."""


class InvalidApiKey(BindError, status=HTTPStatus.UNAUTHORIZED):
    """The request carries no API key, or none of those that the server takes; nothing of it was read."""


class RequestTimeout(BindError, status=HTTPStatus.REQUEST_TIMEOUT):
    """The body has not arrived whole after `body_timeout_s`; the connection is closed."""


class RequestTooLarge(BindError, status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE):
    """The body has more bytes or more items than the server takes at once; the message gives the limit."""


class InvalidItem(BindError, status=HTTPStatus.UNPROCESSABLE_ENTITY):
    """One item cannot be embedded: broken base64, truncated media, numbers that are none."""


class AudioTooShort(InvalidItem):
    """The audio is shorter than one filterbank window (25 ms)."""


class DecoderCrashed(InvalidItem):
    """The process that decoded the item died; the message says how. Nothing else is harmed."""


class DecodeTimeout(InvalidItem):
    """The item took longer to decode than it may; the message gives both figures."""


class AddressRefused(InvalidItem):
    """The item is named by an address that is not on the allow-list, or that leads to a private one."""


class FetchFailed(InvalidItem):
    """The item could not be had from its address: no such host, an error, too slow."""


class PoisonItem(InvalidItem):
    """Two servers died while they worked on the item; it is refused for a while, so that no more do."""


class UnsupportedMedia(BindError, status=HTTPStatus.UNSUPPORTED_MEDIA_TYPE):
    """One item is of a format that is not served (a playlist as video, a PDF as image)."""


class MediaTooLarge(BindError, status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE):
    """One item is above a limit in bytes, pixels, seconds or frames; the message gives both figures."""


class TooLittleMemory(MediaTooLarge):
    """One item, or a large body, takes more memory to decode than a decoder may use."""


class QueueFull(BindError, status=HTTPStatus.TOO_MANY_REQUESTS, retry_after_s=1):
    """As many items wait as the server holds; nothing of the request was queued."""


class NotReady(BindError, status=HTTPStatus.SERVICE_UNAVAILABLE, retry_after_s=2):
    """No vector can be made now; the message says in which state the model is."""


class Draining(NotReady):
    """The server was asked to stop; accepted requests are finished, new ones refused."""


class SuspectRuns(NotReady):
    """A server died while it worked on the item, and here another such item is being run by itself."""


class DeadlineExceeded(BindError, status=HTTPStatus.GATEWAY_TIMEOUT):
    """The request was not done within `request_timeout_s`; what was left of it is dropped.

    504, not 503: to come again with the same would cost as much and end the same, and the gate repeats 503.
    """


def combine(errors: Sequence[BindError]) -> BindError:
    """Return one error that names all of `errors` (at least one), in their order, joined by "; ".

    Errors of one status keep it. Where they differ it is 422: the request was understood, and its items are
    to blame.
    """
    if len(errors) == 1:
        return errors[0]
    message = join_faults([error.message for error in errors])
    same = all(error.status == errors[0].status for error in errors)
    return type(errors[0])(message) if same else InvalidItem(message)


def rebuild(kind: str, message: str, item: str | None = None) -> BindError:
    """Return the error that another process raised, of the class `kind` or, if there is none, InvalidItem."""
    found = globals().get(kind)
    error = (found if isinstance(found, type) and issubclass(found, BindError) else InvalidItem)(message)
    error.item = item
    return error


def join_faults(faults: list[str], unnamed: int = 0) -> str:
    """Return the faults as one line; beyond MAX_NAMED they are only counted, with `unnamed` others."""
    distinct = list(dict.fromkeys(faults))
    count = len(distinct[MAX_NAMED:]) + unnamed
    more = f"; and {count} more" if count else ""
    return "; ".join(distinct[:MAX_NAMED]) + more
