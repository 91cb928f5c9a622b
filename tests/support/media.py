"""Makes small media of every kind in memory, and some whose headers are wrong."""

import base64
import io
import struct
import zlib
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, cast

import av
import numpy as np
import numpy.typing as npt
import soundfile  # type: ignore[import-untyped]  # it ships no types
from PIL import Image

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.video.stream import VideoStream


def picture(width: int, height: int, *, kind: str = "PNG", mode: str = "RGB") -> bytes:
    """Return a picture whose colours change along both sides."""
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    pixels = np.stack([x, y, (x + y) / 2], axis=2).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(out, kind)
    return out.getvalue()


def png_that_claims(width: int, height: int) -> bytes:
    """Return a PNG of one pixel whose header says otherwise."""
    data = bytearray(picture(1, 1))
    data[16:24] = struct.pack(">II", width, height)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    return bytes(data)


def tone(
    seconds: float, rate: int = 16_000, *, kind: str = "WAV", subtype: str | None = None, hertz: float = 440
) -> bytes:
    """Return a sine at half loudness, mono."""
    wave = 0.5 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)
    return sound(wave, rate, kind=kind, subtype=subtype)


def sound(
    wave: npt.NDArray[np.floating], rate: int, *, kind: str = "WAV", subtype: str | None = None
) -> bytes:
    """Return samples [frames] or [frames, channels] as a file."""
    out = io.BytesIO()
    soundfile.write(out, wave, rate, format=kind, subtype=subtype)
    return out.getvalue()


def video(
    stamps: Sequence[float],
    *,
    kind: str = "mp4",
    size: tuple[int, int] = (64, 48),
    codec: str = "mpeg4",
    step: float = 10,
    first: int = 0,
) -> bytes:
    """Return a video with one frame per time stamp (seconds); frame k is grey at level 10 k.

    step: another one from frame to frame. first: the number of the first frame.
    """
    out = io.BytesIO()
    with av.open(out, "w", format=kind) as container:
        stream = cast("VideoStream", container.add_stream(codec, rate=25))
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for number, stamp in enumerate(stamps, first):
            level = np.full((size[1], size[0], 3), min(250, step * number), dtype=np.uint8)
            frame = av.VideoFrame.from_ndarray(level, format="rgb24")
            frame.pts = round(stamp * 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return out.getvalue()


def scenes(colours: Sequence[str], *, rate: int = 5) -> bytes:
    """Return an MP4 that shows each of `colours` for a second; each begins with a key frame."""
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        stream = cast("VideoStream", container.add_stream("mpeg4", rate=rate))
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.gop_size = rate
        for number, colour in enumerate(colour for colour in colours for _ in range(rate)):
            frame = av.VideoFrame.from_image(Image.new("RGB", (64, 48), colour))
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return out.getvalue()


def movie_sound(seconds: float, *, kind: str, codec: str, rate: int = 48_000) -> bytes:
    """Return a tone in a container that FFmpeg writes (AAC in MP4, Opus in WebM)."""
    out = io.BytesIO()
    wave = (0.5 * np.sin(2 * np.pi * 440 * np.arange(int(seconds * rate)) / rate)).astype(np.float32)
    with av.open(out, "w", format=kind) as container:
        stream = cast("AudioStream", container.add_stream(codec, rate=rate, layout="mono"))
        for start in range(0, len(wave), 960):
            part = wave[start : start + 960].reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = rate, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return out.getvalue()


def slow_picture(number: int = 0) -> str:
    """Return a picture that takes about a second to decode."""
    out = io.BytesIO()
    Image.new("RGB", (8000, 7900 + number), "white").save(out, "PNG", compress_level=1)
    return base64.b64encode(out.getvalue()).decode()
