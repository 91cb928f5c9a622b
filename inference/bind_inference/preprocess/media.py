"""The decoders of media by modality. Importing this imports FFmpeg, Pillow's readers and libsndfile."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

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
