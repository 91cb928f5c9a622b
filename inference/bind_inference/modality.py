"""The seven kinds of media, and what the API calls them."""

from enum import StrEnum


class Modality(StrEnum):
    """A kind of input; the value is its singular name in logs, metrics and settings."""

    TEXT = "text"
    IMAGE = "image"
    AUDIO = "audio"
    VIDEO = "video"
    IMU = "imu"
    THERMAL = "thermal"
    DEPTH = "depth"

    @property
    def plural(self) -> str:
        """The request's key: texts and images, but audio, video, imu, thermal and depth."""
        return f"{self.value}s" if self in (Modality.TEXT, Modality.IMAGE) else self.value

    @property
    def vector_key(self) -> str:
        """The response's key: textVectors, imageVectors …"""
        return f"{self.value}Vectors"

    @property
    def trunk(self) -> str:
        """The encoder that embeds it, as the checkpoint names it; stills and video share one."""
        return "vision" if self in (Modality.IMAGE, Modality.VIDEO) else self.value
