"""Makes short videos from a photo: a camera moves over it."""

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

import av
import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from av.video.stream import VideoStream

SIZE_PX = (224, 160)
FRAMES_PER_S = 10
SECONDS = 4


def pan(photo: Image.Image) -> Iterator[Image.Image]:
    """Yield the frames of a slow move from the upper left to the lower right of the photo."""
    window = (round(photo.width * 0.7), round(photo.height * 0.7))
    for step in np.linspace(0, 1, FRAMES_PER_S * SECONDS):
        left, top = round((photo.width - window[0]) * step), round((photo.height - window[1]) * step)
        view = photo.crop((left, top, left + window[0], top + window[1]))
        yield view.resize(SIZE_PX, Image.Resampling.BICUBIC)


def encode(frames: Iterator[Image.Image], container: str, codec: str, **options: str) -> bytes:
    """Return a video file; `options` are the codec's.

    The same frames give the same bytes if x264 is told its quantizer (`qp`): its rate control with look-ahead
    differed from call to call in one process, with one thread too (seen with PyAV 18.1).
    """
    out = io.BytesIO()
    with av.open(out, "w", format=container) as file:
        stream = cast("VideoStream", file.add_stream(codec, rate=FRAMES_PER_S, options=options))
        stream.width, stream.height = SIZE_PX
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 1
        for frame in frames:
            file.mux(stream.encode(av.VideoFrame.from_ndarray(np.asarray(frame), "rgb24")))
        file.mux(stream.encode())
    return out.getvalue()
