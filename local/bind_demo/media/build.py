"""Builds the media of each thing: the files to import, and the altered copies with which queries search.

An altered copy is never the same file: it has another format, size or cut, and noise where a sensor adds it.
"""

from collections.abc import Mapping

import numpy as np

from bind_demo.media import photos, recordings, speech, video
from bind_demo.media.things import Thing
from bind_demo.modality import Modality

Media = Mapping[Modality, bytes]


def build_media(thing: Thing) -> Media:
    """Return the files to import, one of each modality but text; the same bytes in every run."""
    photo = photos.open_photo(thing)
    return {
        Modality.IMAGE: photos.encode(photo, "JPEG", quality=90),
        Modality.AUDIO: speech.speak(thing),
        Modality.VIDEO: video.encode(video.pan(photo), "mp4", "libx264", qp="26"),
        Modality.IMU: recordings.csv_of(recordings.imu(thing), decimals=6),
        Modality.THERMAL: photos.encode(recordings.picture_of(recordings.thermal(thing)), "JPEG", quality=95),
        Modality.DEPTH: photos.encode(recordings.picture_of(recordings.depth(thing)), "PNG"),
    }


def build_altered(thing: Thing) -> Media:
    """Return altered copies of the same files, for queries."""
    random = thing.random("altered")
    photo = photos.open_photo(thing)
    closer = photos.crop_border(photo, 0.02)
    warm = _noisy(recordings.thermal(thing), 4, random)
    far = _noisy(recordings.depth(thing), 3, random)
    return {
        Modality.IMAGE: photos.encode(photos.crop_border(photo, 0.03), "WEBP", quality=75),
        Modality.AUDIO: speech.rerecord(speech.speak(thing), random),
        Modality.VIDEO: video.encode(video.pan(closer), "avi", "mpeg4", qmin="4", qmax="4"),
        Modality.IMU: recordings.csv_of(_noisy(recordings.imu(thing), 0.05, random), decimals=3),
        Modality.THERMAL: photos.encode(recordings.picture_of(warm), "JPEG", quality=75),
        Modality.DEPTH: photos.encode(recordings.picture_of(far), "PNG"),
    }


def _noisy(values: recordings.Floats, amount: float, random: np.random.Generator) -> recordings.Floats:
    return values + random.normal(0, amount, values.shape)
