"""The seven modalities as this demo's collection names them: property, named vector and search alike."""

from enum import StrEnum


class Modality(StrEnum):
    """A property of the collection, and the named vector made from it alone."""

    TEXT = "text"
    IMAGE = "image"
    AUDIO = "audio"
    VIDEO = "video"
    IMU = "imu"
    THERMAL = "thermal"
    DEPTH = "depth"


MEDIA = tuple(modality for modality in Modality if modality is not Modality.TEXT)
"""All but text: the ones that travel as base64 in a blob property."""
