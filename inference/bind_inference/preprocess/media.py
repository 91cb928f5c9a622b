"""The decoders of media by modality. Importing this imports FFmpeg, Pillow's readers and libsndfile."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from bind_inference.modality import Modality
from bind_inference.preprocess import audio, image, imu, video
from bind_inference.preprocess.limits import Floats, Levels, Limits

DECODERS: Final[Mapping[Modality, Callable[[bytes, Limits], Floats | Levels]]] = MappingProxyType(
    {
        Modality.IMAGE: image.image,
        Modality.AUDIO: audio.audio,
        Modality.VIDEO: video.video,
        Modality.IMU: imu.imu,
        Modality.THERMAL: image.thermal_or_depth,
        Modality.DEPTH: image.thermal_or_depth,
    }
)


class Recorded(NamedTuple):
    """A medium that has a length in time can be measured, and stretches of it prepared by themselves."""

    duration_ms: Callable[[bytes, Limits], int]
    windows: Callable[[bytes, Sequence[tuple[int, int]], Limits], Iterator[Floats]]


RECORDED: Final[Mapping[Modality, Recorded]] = MappingProxyType(
    {
        Modality.AUDIO: Recorded(audio.audio_duration_ms, audio.audio_windows),
        Modality.VIDEO: Recorded(video.video_duration_ms, video.video_windows),
    }
)
