"""Files and texts that tests send, and the vectors that the small model must answer."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import numpy as np

from bind_inference.engine.loading import load_engine
from bind_inference.modality import Modality
from bind_inference.preprocess import preprocess
from bind_inference.settings import Settings
from support.server import ROOT

if TYPE_CHECKING:
    import numpy.typing as npt

    from bind_inference.engine.torch_engine import TorchEngine

MEDIA = ROOT / "tests" / "parity" / "media"

SAMPLES: dict[Modality, list[str]] = {
    Modality.TEXT: ["A dog.", "a photo of a cat on the mat", "日本語のテキスト", ""],
    Modality.IMAGE: ["landscape.jpg", "alpha.png", "small.webp", "cmyk.jpg"],
    Modality.AUDIO: ["tone_16k_mono_5s.wav", "tone_44k_stereo_4s.wav"],
    Modality.VIDEO: ["short_25fps_1s.mp4", "square_10fps_3s.mp4"],
    Modality.IMU: ["imu_1500.csv", "imu_3000.csv"],
    Modality.THERMAL: ["thermal.jpg"],
    Modality.DEPTH: ["depth.png"],
}


def encoded(modality: Modality, name: str, number: int = 0) -> str:
    """Return a sample as a request holds it; another `number`, and it is no longer one that is cached.

    White space at the end tells them apart: it is another string, and the same bytes or tokens.
    """
    data = name if modality is Modality.TEXT else base64.b64encode((MEDIA / name).read_bytes()).decode()
    return data + "".join(" \n"[int(digit)] for digit in f"{number:b}" if number)


class Expected:
    """Has the vector of each sample by a direct call of the model."""

    def __init__(self, engine: TorchEngine) -> None:
        self._engine = engine
        self._vectors: dict[tuple[Modality, str], npt.NDArray[np.float32]] = {}

    def vector(self, modality: Modality, name: str) -> npt.NDArray[np.float32]:
        key = modality, name
        if key not in self._vectors:
            data = name if modality is Modality.TEXT else (MEDIA / name).read_bytes()
            tensor = preprocess(modality, data)
            self._vectors[key] = self._engine.forward(modality, [tensor])[0]
        return self._vectors[key]

    def check(self, modality: Modality, name: str, vector: object) -> None:
        """Assert that `vector` is that of the sample, to float32's rounding."""
        expected = self.vector(modality, name)
        np.testing.assert_allclose(
            np.asarray(vector, np.float32), expected, rtol=0, atol=2e-6 * float(np.abs(expected).max())
        )


def tiny_engine() -> TorchEngine:
    """Return the small model, loaded in this process."""
    return load_engine(Settings(model="Tiny"), lambda _: None)
