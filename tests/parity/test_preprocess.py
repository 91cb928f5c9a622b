"""What the model is fed for each file and text, against what the peer feeds its own (preprocess.npz).

Images and videos are stored every 8th row and column.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from bind_inference.modality import Modality
from bind_inference.model.levels import normalise
from bind_inference.preprocess import preprocess

HERE = Path(__file__).parent
EXPECTED = np.load(HERE / "preprocess.npz")
TEXTS = json.loads((HERE / "preprocess.json").read_text())["texts"]
MEDIA = [key for key in EXPECTED.files if not key.startswith("text/")]

# The largest difference of any number. Values lie within about +-2.6.
TOLERANCE = {
    # The same decoder, resizing kernel and float32 operations in the same order: bit for bit. A JPEG decoder
    # of another version may round a pixel differently by one of 255 steps, 0.015 after normalising.
    Modality.IMAGE: 0.0,
    Modality.THERMAL: 0.0,
    Modality.DEPTH: 0.0,
    # Decimal text read to the nearest float32: one right answer.
    Modality.IMU: 0.0,
    # Each frame is scaled by itself, where the peer scales a clip at once: other vector instructions.
    Modality.VIDEO: 1e-6,
    # Two FFTs differ by 1e-7 of the loudest bin of a frame; the logarithm blows this up in bins that hold
    # next to nothing (a pure tone leaves those above 4 kHz empty in the recording at 8 kHz). The median
    # difference is 5e-7.
    Modality.AUDIO: 4e-4,
}


def test_every_kind_and_file_is_compared() -> None:
    """A key that is added to the reference must not go unnoticed; each file of media/ has at least one."""
    assert {key.split("/")[0] for key in EXPECTED.files} == {modality.value for modality in Modality}
    assert {key.split("/")[1] for key in MEDIA} == {path.name for path in (HERE / "media").iterdir()}


@pytest.mark.parametrize("key", MEDIA)
def test_media(key: str) -> None:
    kind, name = key.split("/")
    modality = Modality(kind)
    made = preprocess(modality, (HERE / "media" / name).read_bytes())
    if made.dtype == np.uint8:  # what the peer normalises beforehand, our model does
        made = normalise(torch.from_numpy(made)[None])[0].numpy()
    if modality in (Modality.IMAGE, Modality.VIDEO, Modality.THERMAL, Modality.DEPTH):
        made = made[..., ::8, ::8]
    assert made.dtype == np.float32
    assert made.shape == EXPECTED[key].shape
    assert np.abs(made - EXPECTED[key]).max() <= TOLERANCE[modality]


@pytest.mark.parametrize("row", range(len(TEXTS)), ids=lambda row: repr(TEXTS[row][:24]))
def test_text(row: int) -> None:
    """Token ids are whole numbers: all equal or wrong."""
    made = preprocess(Modality.TEXT, TEXTS[row])
    assert made.tolist() == EXPECTED["text/tokens"][row].tolist()
