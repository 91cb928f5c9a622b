"""Makes requests of each modality, no two alike, so that no cache helps.

Clients share the processor with the server, and what an item takes to make is missing from the server's
figures. So a few dozen of each kind are made before the clock runs, and an item is one of them with its
number where players do not look.
"""

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
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import numpy.typing as npt

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
VARIANTS: Final = 48
"""So many items are made of a video and of each other kind; later ones are these again, numbered."""

_BITS: Final = np.arange(32)  # of an item's number


def request_body(kind: Modality, number: int, folder: Path) -> bytes:
    """Return the JSON of a request for one item; each `number` (0 or more) gives another item."""
    if kind is Modality.TEXT:
        return json.dumps({"texts": [text(number)]}).encode()
    data = video(number, folder) if kind is Modality.VIDEO else _MAKERS[kind](number)
    return b'{"%s": ["%s"]}' % (kind.plural.encode(), base64.b64encode(data))


def prepare(kind: Modality, folder: Path) -> None:
    """Make all that `request_body` of a kind takes from a cache."""
    for number in range(VIDEOS if kind is Modality.VIDEO else VARIANTS):
        request_body(kind, number, folder)


def text(number: int) -> str:
    """Return three to eight words and the number: at most 16 tokens with start and end up to 9,999."""
    rng = random.Random(number)  # noqa: S311  (variety, not secrecy)
    return " ".join([*rng.choices(WORDS, k=rng.randint(3, 8)), str(number % 10_000)])


def image(number: int) -> bytes:
    """Return a real photo as JPEG, one of its corners in a colour of its own."""
    return _numbered_jpeg(_picture(number % VARIANTS, "RGB"), number)


def grey(number: int) -> bytes:
    """Return a real photo in grey as JPEG: what thermal and depth cameras send has this form."""
    return _numbered_jpeg(_picture(number % VARIANTS, "L"), number)


def audio(number: int) -> bytes:
    """Return five seconds of mono sound, 16-bit WAV: tones that glide, and noise."""
    head, samples = _sound(number % VARIANTS)
    marked = samples.copy()
    marked[: _BITS.size] ^= (number >> _BITS & 1).astype(np.int16)  # the lowest bits
    return head + marked.tobytes()


def imu(number: int) -> bytes:
    """Return 2,000 samples of six columns as CSV with a header, whose names nobody reads."""
    return b"ax%d,ay,az,gx,gy,gz\n" % number + _imu_csv(number % VARIANTS)


def video(number: int, folder: Path) -> bytes:
    """Return ten seconds of 640x360 H.264, 25 frames/s: a camera over a photo. Made once and kept."""
    path = folder / f"video-{number % VIDEOS}.mp4"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".tmp")
        temporary.write_bytes(_make_video(number % VIDEOS))
        temporary.replace(path)
    mark = number.to_bytes(8, "big")
    return path.read_bytes() + (8 + len(mark)).to_bytes(4, "big") + b"free" + mark


_MAKERS: Final[Mapping[Modality, Callable[[int], bytes]]] = {
    Modality.IMAGE: image,
    Modality.AUDIO: audio,
    Modality.IMU: imu,
    Modality.THERMAL: grey,
    Modality.DEPTH: grey,
}


@cache
def _photo(name: str) -> Image.Image:
    try:
        with (files("skimage") / "data" / name).open("rb") as file, Image.open(file) as photo:
            return photo.convert("RGB")
    except (ModuleNotFoundError, FileNotFoundError) as error:
        raise BenchError(
            f"the photo {name} of the scikit-image package is not there ({error})", "run `make venv`"
        ) from error


@cache
def _picture(number: int, mode: str) -> bytes:
    photo = _photo(PHOTOS[number % len(PHOTOS)]).copy()
    photo.paste((number % 256, number // 256 % 256, number * 7 % 256), (0, 0, 16, 16))
    out = io.BytesIO()
    photo.convert(mode).save(out, "JPEG", quality=90)
    return out.getvalue()


def _numbered_jpeg(picture: bytes, number: int) -> bytes:
    """Return a JPEG with its number in a comment behind the start of the image."""
    return picture[:2] + b"\xff\xfe" + (2 + 8).to_bytes(2, "big") + number.to_bytes(8, "big") + picture[2:]


@cache
def _sound(number: int) -> tuple[bytes, npt.NDArray[np.int16]]:
    """Return a WAV's head and its samples."""
    noise = np.random.default_rng(number)
    t = np.arange(AUDIO_S * AUDIO_RATE_HZ) / AUDIO_RATE_HZ
    wave = 0.3 * np.sin(2 * np.pi * (200 + number % 1000) * t * (1 + t / 10)) + noise.normal(0, 0.05, t.size)
    out = io.BytesIO()
    soundfile.write(out, wave, AUDIO_RATE_HZ, format="WAV", subtype="PCM_16")
    head = len(out.getvalue()) - 2 * t.size
    return out.getvalue()[:head], np.frombuffer(out.getvalue()[head:], np.int16)


@cache
def _imu_csv(number: int) -> bytes:
    samples = np.random.default_rng(number).normal(0, 1, (2000, 6)).round(4).tolist()
    return "\n".join(",".join(map(str, sample)) for sample in samples).encode()


def _make_video(number: int) -> bytes:
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
