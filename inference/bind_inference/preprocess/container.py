"""Open video and audio containers with FFmpeg, from memory and nothing else.

Playlists and session descriptions would make FFmpeg open files and network addresses that a stranger chose.
So only demuxers that read one self-contained stream may be probed, and no protocol may be opened by any.
"""

import contextlib
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

import av
from av.error import FFmpegError

from bind_inference.errors import InvalidItem, UnsupportedMedia
from bind_inference.preprocess.decoder_errors import one_line

if TYPE_CHECKING:
    from av.container import InputContainer

VIDEO_DEMUXERS = ("mov", "matroska", "webm", "avi", "mpegts", "mpeg", "flv", "ogg", "asf", "gif")
AUDIO_DEMUXERS: tuple[str, ...] = (
    "mov",
    "matroska",
    "webm",
    "ogg",
    "asf",
    "aac",
    "ac3",
    "eac3",
    "amr",
    "mp3",
    "wav",
    "w64",
)
AUDIO_DEMUXERS += ("flac", "aiff", "caf", "au", "avi", "mpegts", "mpeg", "flv", "wv")
_NO_PROTOCOL = "none"  # a name that no protocol has: an empty list would allow all

av.logging.set_level(None)  # FFmpeg's lines about broken media would go to stderr, past our logs


@contextlib.contextmanager
def opened(data: bytes, demuxers: tuple[str, ...], kind: str) -> Iterator["InputContainer"]:
    """Open `data` if one of `demuxers` recognises it; `kind` is what messages call it, with its article.

    Raises UnsupportedMedia for other formats and InvalidItem for broken ones; errors of FFmpeg inside the
    block become InvalidItem.
    """
    if not data:
        raise InvalidItem(f"empty: send the bytes of {kind} in base64")
    options = {"format_whitelist": ",".join(demuxers), "protocol_whitelist": _NO_PROTOCOL}
    try:
        container = av.open(io.BytesIO(data), mode="r", options=options, metadata_errors="replace")
    except (av.error.ArgumentError, av.error.InvalidDataError):
        raise UnsupportedMedia(
            f"not {kind} of a format that is served (by FFmpeg's names: {', '.join(demuxers)})"
        ) from None
    except (FFmpegError, ValueError, OverflowError, UnicodeError) as error:
        raise InvalidItem(f"not {kind} that can be decoded: {one_line(error)}") from error
    with container:
        try:
            yield container
        except FFmpegError as error:
            raise InvalidItem(f"not {kind} that can be decoded: {one_line(error)}") from error
