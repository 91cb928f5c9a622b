"""Requests of each modality, no two alike, so that no cache helps."""

from __future__ import annotations

import base64
import io
import json
import random
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final

import av
import numpy as np
import soundfile  # type: ignore[import-untyped]  # it ships no types
from PIL import Image

from bind_bench.errors import BenchError
from bind_inference.modality import Modality

if TYPE_CHECKING:
    from pathlib import Path

PHOTOS: Final = (
    "astronaut.png",
    "chelsea.png",
    "coffee.png",
    "motorcycle_left.png",
    "motorcycle_right.png",
    "rocket.jpg",
)
WORDS: Final = (
    *("a", "photo", "of", "the", "old", "red", "house", "by", "river", "under", "blue", "sky", "with", "two"),
    *(
        "people",
        "walking",
        "dog",
        "on",
        "beach",
        "in",
        "rain",
        "at",
        "night",
        "small",
        "boat",
        "near",
        "green",
    ),
    *("tree", "white", "cat", "sleeping", "street", "market", "full", "fresh", "fruit"),
)
AUDIO_RATE_HZ: Final = 16_000
AUDIO_S: Final = 5
VIDEO_SIZE_PX: Final = (640, 360)
VIDEO_FRAMES_PER_S: Final = 25
VIDEO_S: Final = 10
VIDEOS: Final = 12
"""Clips that are made; later ones are these again with another number in a box that players skip."""


def body(kind: Modality, number: int, folder: Path) -> bytes:
    """Return the JSON of a request for one item; each `number` (0 or more) gives another item."""
    if kind is Modality.TEXT:
        return json.dumps({"texts": [text(number)]}).encode()
    made = {
        Modality.IMAGE: image,
        Modality.AUDIO: audio,
        Modality.IMU: imu,
        Modality.THERMAL: grey,
        Modality.DEPTH: grey,
    }
    data = video(number, folder) if kind is Modality.VIDEO else made[kind](number)
    return b'{"%s": ["%s"]}' % (kind.plural.encode(), base64.b64encode(data))


def text(number: int) -> str:
    """Return three to eight words and the number: at most 16 tokens with start and end up to 9,999."""
    dice = random.Random(number)  # noqa: S311  (variety, not secrecy)
    return " ".join([*dice.choices(WORDS, k=dice.randint(3, 8)), str(number % 10_000)])


def image(number: int) -> bytes:
    """Return a real photo as JPEG, one of its corners in a colour of its own."""
    return _jpeg(_marked(_photo(PHOTOS[number % len(PHOTOS)]), number))


def grey(number: int) -> bytes:
    """Return a real photo in grey as JPEG: what thermal and depth cameras send has this form."""
    return _jpeg(_marked(_photo(PHOTOS[number % len(PHOTOS)]), number).convert("L"))


def audio(number: int) -> bytes:
    """Return five seconds of mono sound, 16-bit WAV: tones that glide, and noise."""
    noise = np.random.default_rng(number)
    t = np.arange(AUDIO_S * AUDIO_RATE_HZ) / AUDIO_RATE_HZ
    wave = 0.3 * np.sin(2 * np.pi * (200 + number % 1000) * t * (1 + t / 10)) + noise.normal(0, 0.05, t.size)
    out = io.BytesIO()
    soundfile.write(out, wave, AUDIO_RATE_HZ, format="WAV", subtype="PCM_16")
    return out.getvalue()


def imu(number: int) -> bytes:
    """Return 2,000 rows of six columns as CSV with a header."""
    rows = np.random.default_rng(number).normal(0, 1, (2000, 6)).round(4).tolist()
    lines = ["ax,ay,az,gx,gy,gz", *(",".join(map(str, row)) for row in rows)]
    return "\n".join(lines).encode()


def video(number: int, folder: Path) -> bytes:
    """Return ten seconds of 640x360 H.264, 25 frames/s: a camera over a photo. Made once and kept."""
    path = folder / f"video-{number % VIDEOS}.mp4"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".tmp")
        temporary.write_bytes(_film(number % VIDEOS))
        temporary.replace(path)
    mark = number.to_bytes(8, "big")
    return path.read_bytes() + (8 + len(mark)).to_bytes(4, "big") + b"free" + mark


@cache
def _photo(name: str) -> Image.Image:
    try:
        with (files("skimage") / "data" / name).open("rb") as file, Image.open(file) as photo:
            return photo.convert("RGB")
    except (ModuleNotFoundError, FileNotFoundError) as error:
        raise BenchError(
            f"the photo {name} of the scikit-image package is not there ({error})", "run `make venv`"
        ) from error


def _marked(photo: Image.Image, number: int) -> Image.Image:
    marked = photo.copy()
    colour = (number % 256, number // 256 % 256, number * 7 % 256)
    marked.paste(colour, (0, 0, 16, 16))
    return marked


def _jpeg(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=90)
    return out.getvalue()


def _film(number: int) -> bytes:
    photo = _photo(PHOTOS[number % len(PHOTOS)])
    share = 0.5 + 0.03 * number
    size = round(photo.width * share), round(photo.width * share * 9 / 16)
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=VIDEO_FRAMES_PER_S)
        stream.width, stream.height = VIDEO_SIZE_PX
        stream.pix_fmt = "yuv420p"
        for step in np.linspace(0, 1, VIDEO_FRAMES_PER_S * VIDEO_S):
            left = round((photo.width - size[0]) * step)
            top = round(max(0, photo.height - size[1]) * (1 - step))
            view = photo.crop((left, top, left + size[0], top + size[1])).resize(VIDEO_SIZE_PX)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.asarray(view), "rgb24")))
        container.mux(stream.encode())
    return out.getvalue()
