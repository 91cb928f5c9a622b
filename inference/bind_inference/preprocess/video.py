"""Videos: five clips of two seconds, the first and last frame of each, three squares of every frame."""

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  (the name everybody knows)

from bind_inference.preprocess.container import VIDEO_DEMUXERS, opened
from bind_inference.preprocess.frames import Decoder
from bind_inference.preprocess.image import MEAN, SIZE, STD
from bind_inference.preprocess.limits import Limits

if TYPE_CHECKING:
    from av import VideoFrame


def video(data: bytes, limits: Limits) -> Tensor:
    """Return a video as float32 [15, 3, 2, 224, 224]: for each clip its three squares of two frames.

    Frames are scaled bilinearly, not antialiased, to a short side of 224; the squares are the first, middle
    and last along the long side. Rotation is not applied.
    """
    with opened(data, VIDEO_DEMUXERS, "a video") as container:
        pairs = [clip.frames() for clip in Decoder(data, container, limits).clips()]
        # Clips of short videos overlap or coincide: each frame is converted and scaled once.
        squares: dict[int, Tensor] = {}
        for frame in (frame for pair in pairs for frame in pair):
            if id(frame) not in squares:
                squares[id(frame)] = _squares(frame)
        clips = [torch.stack([squares[id(frame)] for frame in pair], dim=2) for pair in pairs]
    return torch.cat(clips)


def _squares(frame: "VideoFrame") -> Tensor:
    """Return the three squares of a frame, normalised, float32 [3 squares, 3 colours, 224, 224]."""
    pixels = torch.from_numpy(frame.to_ndarray(format="rgb24")).permute(2, 0, 1).float() / 255
    height, width = pixels.shape[1:]
    tall = height > width
    scaled = (math.floor(height / width * SIZE), SIZE) if tall else (SIZE, math.floor(width / height * SIZE))
    small = F.interpolate(pixels.unsqueeze(0), scaled, mode="bilinear", align_corners=False)[0]
    small = (small - MEAN) / STD
    spare = max(scaled) - SIZE
    offsets = (0, math.ceil(spare / 2), spare)
    return torch.stack([small.narrow(1 if tall else 2, offset, SIZE) for offset in offsets])
