"""The largest pictures that are taken can be decoded by what a decoder is left with where memory is short."""

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bind_inference.decoders.decoding import Decoded
from bind_inference.decoders.handle import PoolConfig
from bind_inference.scheduling.memory import LEAST_BYTES
from support.decoder_pool import opened

SIDE = 8000  # 64 million pixels
LIBRARIES_BYTES = 128 << 20  # they are shared, and count in no limit of private memory


def encoded(pixels: type, kind: str, **options: str) -> str:
    out = io.BytesIO()
    Image.fromarray(np.zeros((SIDE, SIDE), pixels)).save(out, kind, **options)
    return base64.b64encode(out.getvalue()).decode()


@pytest.mark.parametrize(
    ("pixels", "kind", "options"),
    [(np.uint16, "PNG", {}), (np.float32, "TIFF", {"compression": "tiff_lzw"})],
    ids=["16 bits, 124 kB", "floats"],
)
def test_each_is_decoded_and_takes_no_more(pixels: type, kind: str, options: dict[str, str]) -> None:
    picture = encoded(pixels, kind, **options)
    with opened(PoolConfig(2, 60.0, LEAST_BYTES)) as pool:
        answers = [pool.send(picture) for _ in range(3)]
        for answer in answers:
            assert isinstance(answer.get(timeout=90), Decoded)
        for pid in pool.pids:
            status = Path(f"/proc/{pid}/status").read_text()
            peak = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
            assert 1024 * int(peak) < LEAST_BYTES + LIBRARIES_BYTES
        assert pool.restarts == []
