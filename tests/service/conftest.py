"""One real server for all tests of this folder, and the vectors that it must answer."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import httpx
import numpy as np
import pytest

from bind_inference.device import TorchEngine, load_engine
from bind_inference.modality import Modality
from bind_inference.settings import Settings
from support.server import ROOT, ServerProcess, server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    import numpy.typing as npt

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


def encoded(modality: Modality, name: str) -> str:
    """Return a sample as a request holds it."""
    return name if modality is Modality.TEXT else base64.b64encode((MEDIA / name).read_bytes()).decode()


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with server(tmp_path_factory.mktemp("service")) as process:
        yield process


@pytest.fixture
def client(running: ServerProcess) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=running.url, timeout=60) as connected:
        yield connected


@pytest.fixture
async def async_client(running: ServerProcess) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=running.url, timeout=60) as connected:
        yield connected


@pytest.fixture(scope="session")
def engine() -> TorchEngine:
    return load_engine(Settings(model="Tiny"), lambda _: None)


class Expected:
    """The vector of each sample, by a direct call of the model."""

    def __init__(self, engine: TorchEngine) -> None:
        self._engine = engine
        self._vectors: dict[tuple[Modality, str], npt.NDArray[np.float32]] = {}

    def vector(self, modality: Modality, name: str) -> npt.NDArray[np.float32]:
        key = modality, name
        if key not in self._vectors:
            data = name if modality is Modality.TEXT else (MEDIA / name).read_bytes()
            tensor = self._engine.preprocess(modality, data)
            self._vectors[key] = self._engine.forward(modality, [tensor])[0]
        return self._vectors[key]

    def check(self, modality: Modality, name: str, vector: object) -> None:
        """Assert that `vector` is the sample's, to float32's rounding."""
        expected = self.vector(modality, name)
        np.testing.assert_allclose(
            np.asarray(vector, np.float32), expected, rtol=0, atol=2e-6 * float(np.abs(expected).max())
        )


@pytest.fixture(scope="session")
def expected(engine: TorchEngine) -> Expected:
    return Expected(engine)
