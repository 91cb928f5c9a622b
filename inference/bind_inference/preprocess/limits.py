"""Limits how large one item may be once decoded, and what is taken of a longer text."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float32]
Levels: TypeAlias = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Limits:
    """Bounds of memory and time for one item; above one, MediaTooLarge gives both figures."""

    max_image_pixels: int = 64_000_000
    """Width x height of a still; as RGB they take 192 MB."""
    max_image_scans: int = 500
    """Passes over all pixels of a JPEG; encoders make 10 or so."""
    max_slow_picture_bytes: int = 16_000_000
    """Bytes of a picture that Pillow decodes in Python; so many take some seconds."""
    max_audio_s: int = 3600
    """Seconds of audio. It is decoded in blocks, so that this bounds time, not memory."""
    max_audio_channels: int = 32
    max_sample_rate: int = 768_000
    max_video_s: int = 4 * 3600
    """Seconds of video. Only the parts that are used are decoded, where the format has an index."""
    max_video_frames: int = 20_000
    """Frames decoded to reach the wanted ones."""
    max_video_pixels: int = 9_500_000
    """Width x height of a video frame: a little over 4K."""
    max_video_aspect: int = 16
    """Long side over short side: all of a frame is scaled to a short side of 224."""
    max_text_chars: int = 100_000
    keep_end_token: bool = False
    """Whether a text above 77 tokens keeps its end token as the 77th; see preprocess.text."""
    max_imu_rows: int = 1_000_000
