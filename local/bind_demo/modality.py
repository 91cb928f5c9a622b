"""The seven modalities as the demo's collection names them: property, named vector and search alike.

The demo is a client and imports nothing of the server, so the names stand here once more;
tests/unit/bind_inference/test_modality_table.py compares.
"""

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
"""All but text: these are sent as base64 in a blob property."""
