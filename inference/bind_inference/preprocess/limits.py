"""How large one item may be once decoded."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bounds of memory and time for one item; above one, MediaTooLarge gives both figures."""

    max_pixels: int = 64_000_000
    """Of a still, and of one video frame: width x height. 64 million are 192 MB as RGB."""
    max_audio_s: int = 3600
    max_video_s: int = 3600
    max_video_frames: int = 20_000
    """That have to be decoded to reach the wanted ones."""
    max_text_chars: int = 100_000
