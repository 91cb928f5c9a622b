"""The items of the check are made by formula, and prepared as a client's are."""

from __future__ import annotations

import io
import wave
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from bind_inference.modality import Modality, one_of_each_trunk
from bind_inference.preprocess import preprocess

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MODALITIES: Final = tuple(one_of_each_trunk())

_TEXTS: Final = (
    "A dog.",
    "a photo of two children who play football on a beach at sunset",
    "The quick brown fox jumps over the lazy dog, 1234567890 times!",
    "Ein Zug fährt über die Brücke; 東京の夜景",
)
_SIDE: Final = 288
_RATE: Final = 16_000


def items(modality: Modality) -> torch.Tensor:
    """Return a few prepared items of a modality, as the model takes them."""
    made: Sequence[bytes | str] = _TEXTS if modality is Modality.TEXT else _media(_MAKERS[modality])
    return torch.stack([torch.as_tensor(preprocess(modality, item)) for item in made])


def _media(make: Callable[[np.random.Generator], bytes]) -> list[bytes]:
    return [make(np.random.default_rng(seed)) for seed in (1, 2)]


def _picture(rng: np.random.Generator, mode: str) -> bytes:
    """Return a PNG whose spectrum falls as one over the frequency, as that of photos does."""
    channels = [_landscape(rng) for _ in mode]
    picture = Image.fromarray(np.stack(channels, axis=-1).squeeze(), mode)
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def _landscape(rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    across, down = np.meshgrid(np.fft.fftfreq(_SIDE), np.fft.fftfreq(_SIDE))
    frequency = np.maximum(np.hypot(across, down), 1 / _SIDE)
    field = np.fft.ifft2(np.fft.fft2(rng.standard_normal((_SIDE, _SIDE))) / frequency).real
    low, high = np.percentile(field, [1, 99])
    levels: npt.NDArray[np.uint8] = ((field - low) / (high - low) * 255).clip(0, 255).astype(np.uint8)
    return levels


def _sound(rng: np.random.Generator) -> bytes:
    """Return five seconds of WAV: tones that slide and noise that comes and goes."""
    time = np.arange(5 * _RATE) / _RATE
    tones = [
        np.sin(2 * np.pi * (start * time + slide * time**2)) / 3
        for start, slide in zip(rng.uniform(80, 2000, 3), rng.uniform(-20, 200, 3), strict=True)
    ]
    noise = rng.standard_normal(time.size) * np.sin(2 * np.pi * 0.7 * time) ** 2 / 20
    samples = np.asarray((sum(tones) + noise) * 8000).astype("<i2")
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(_RATE)
        sound.writeframes(samples.tobytes())
    return file.getvalue()


def _motion(rng: np.random.Generator) -> bytes:
    """Return a table of 2,000 samples of six channels that wander, under a row of names."""
    table = np.cumsum(rng.standard_normal((2000, 6)), axis=0) / 50
    rows = [",".join(f"{value:.5f}" for value in row) for row in table]
    return "\n".join(["ax,ay,az,gx,gy,gz", *rows]).encode()


_MAKERS: Final[dict[Modality, Callable[[np.random.Generator], bytes]]] = {
    Modality.IMAGE: partial(_picture, mode="RGB"),
    Modality.AUDIO: _sound,
    Modality.IMU: _motion,
    Modality.THERMAL: partial(_picture, mode="L"),
    Modality.DEPTH: partial(_picture, mode="L"),
}
