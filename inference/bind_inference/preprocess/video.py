"""Prepare videos: five clips of two seconds, first and last frame of each, three squares of a frame."""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bind_inference.pixels import MEAN, STD
from bind_inference.preprocess.container import VIDEO_DEMUXERS, opened
from bind_inference.preprocess.frames import Clip, Decoder
from bind_inference.preprocess.image import SIZE
from bind_inference.preprocess.limits import Floats, Limits

if TYPE_CHECKING:
    from av import VideoFrame

_MEAN = np.array(MEAN, np.float32).reshape(3, 1, 1)
_STD = np.array(STD, np.float32).reshape(3, 1, 1)


def video(data: bytes, limits: Limits) -> Floats:
    """Return a video as float32 [15, 3, 2, 224, 224]: for each clip its three squares of two frames.

    Frames are scaled bilinearly, not antialiased, to a short side of 224; the squares are the first, middle
    and last along the long side. Rotation is not applied.
    """
    with opened(data, VIDEO_DEMUXERS, "a video") as container:
        decoder = Decoder(data, container, limits)
        return np.concatenate(list(_views(decoder.find(decoder.clips()))))


def video_duration_ms(data: bytes, limits: Limits) -> int:
    """Return how long a video is, in whole milliseconds, by its header or its last frame."""
    with opened(data, VIDEO_DEMUXERS, "a video") as container:
        return max(0, int(Decoder(data, container, limits).duration_s * 1000))


def video_windows(data: bytes, spans: Sequence[tuple[int, int]], limits: Limits) -> Iterator[Floats]:
    """Yield each stretch (start and end in ms) of a video as `video` makes it of a file with no more.

    Of one up to two seconds, whose clips would be alike, there are three views. spans: in the order of their
    starts and ends.
    """
    with opened(data, VIDEO_DEMUXERS, "a video") as container:
        decoder = Decoder(data, container, limits)
        windows = [decoder.window(*span) for span in spans]
        by_start = sorted((clip for clips in windows for clip in clips), key=lambda clip: clip.start)
        views: dict[int, Floats] = {}
        found = zip(by_start, _views(decoder.find(by_start, is_early=True)), strict=True)
        for clips in windows:
            while not all(id(clip) in views for clip in clips):
                clip, view = next(found)
                views[id(clip)] = view
            yield np.concatenate([views.pop(id(clip)) for clip in clips])


def _views(clips: Iterable[Clip]) -> Iterator[Floats]:
    """Yield the views of each clip, float32 [3 squares, 3 colours, 2 frames, 224, 224]."""
    kept: dict[int, tuple[VideoFrame, Floats]] = {}  # with the frame: what is gone gives its id to another
    for clip in clips:
        pair = clip.frames()
        # Clips of short videos overlap or coincide: a frame of the clip before is scaled once.
        kept = {id(frame): kept.get(id(frame)) or (frame, _squares(frame)) for frame in pair}
        clip.let_go()
        yield np.stack([kept[id(frame)][1] for frame in pair], axis=2)


def _squares(frame: "VideoFrame") -> Floats:
    """Return the three squares of a frame, normalised, float32 [3 squares, 3 colours, 224, 224]."""
    pixels = frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False)
    height, width = pixels.shape[:2]
    tall = height > width
    scaled = (math.floor(height / width * SIZE), SIZE) if tall else (SIZE, math.floor(width / height * SIZE))
    small = (_scale(pixels, *scaled).transpose(2, 0, 1) - _MEAN) / _STD
    spare = max(scaled) - SIZE
    offsets = (0, math.ceil(spare / 2), spare)
    return np.stack(
        [
            small[:, offset : offset + SIZE] if tall else small[:, :, offset : offset + SIZE]
            for offset in offsets
        ]
    )


def _scale(pixels: npt.NDArray[np.uint8], height: int, width: int) -> Floats:
    """Return pixels [rows, columns, 3] as float32 [height, width, 3] in [0, 1], scaled bilinearly.

    Each new pixel is made of the four nearest, whatever the scale: columns first, then rows.
    """
    above, below, down = _neighbours(pixels.shape[0], height)
    left, right, across = _neighbours(pixels.shape[1], width)
    across, down = across[:, None], down[:, None, None]
    rows, place = np.unique(np.concatenate([above, below]), return_inverse=True)
    used = pixels[rows].astype(np.float32) / np.float32(255)  # of a large frame a part only
    scaled = used[:, left] * (1 - across) + used[:, right] * across
    small: Floats = scaled[place[:height]] * (1 - down) + scaled[place[height:]] * down
    return small


def _neighbours(size: int, new_size: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], Floats]:
    """Return for each place of the new side the two old ones it lies between, and how far it is along."""
    scale = np.float32(size / new_size)
    source = np.maximum(
        (np.arange(new_size, dtype=np.float32) + np.float32(0.5)) * scale - np.float32(0.5), 0
    )
    first = np.minimum(source.astype(np.intp), size - 1)
    return first, np.minimum(first + 1, size - 1), source - first.astype(np.float32)
