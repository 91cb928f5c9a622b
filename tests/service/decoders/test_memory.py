"""The largest pictures that are taken can be decoded by what a decoder is left with where memory is short."""

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bind_inference.decoders.decoding import Decoded
from bind_inference.decoders.handle import PoolConfig
from bind_inference.errors import InvalidItem, TooLittleMemory
from bind_inference.items.bodies import Endpoint, ParsedBody
from bind_inference.scheduling.memory import FLOOR_BYTES, LEAST_BYTES, SMALL_BYTES
from support.decoder_pool import check, good, opened
from support.media import picture

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
def test_it_is_decoded_and_takes_no_more(pixels: type, kind: str, options: dict[str, str]) -> None:
    heavy = encoded(pixels, kind, **options)
    with opened(PoolConfig(2, 60.0, LEAST_BYTES)) as pool:
        answers = [pool.send(heavy) for _ in range(3)]
        for answer in answers:
            assert isinstance(answer.get(timeout=90), Decoded)
        for pid in pool.pids:
            status = Path(f"/proc/{pid}/status").read_text()
            peak = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
            assert 1024 * int(peak) < LEAST_BYTES + LIBRARIES_BYTES
        # None died of it. One may have begun anew, since the third item might have been a short one.
        assert set(pool.restarts) <= {"gave_way"}


def test_what_fails_for_want_of_memory_is_tried_again_with_more() -> None:
    heavy, body = encoded(np.uint16, "PNG"), b'{"images":["' + b"A" * (150 << 20) + b'"]}'
    with opened(PoolConfig(2, 60.0, SMALL_BYTES, LEAST_BYTES)) as pool:
        large, small = [pool.send(heavy) for _ in range(3)], [pool.send(good(n)) for n in range(20)]
        for number, answer in enumerate(small):
            check(answer.get(timeout=60), good(number))
        for answer in large:
            assert isinstance(answer.get(timeout=90), Decoded)
        assert isinstance(pool.read(Endpoint.VECTORIZE, body), ParsedBody)
        assert pool.pool.waiting() == 0
        assert pool.restarts == []


def test_where_more_does_not_help_the_limit_that_is_told_is_the_larger() -> None:
    with opened(PoolConfig(2, 60.0, FLOOR_BYTES, SMALL_BYTES)) as pool:
        outcome = pool.ask(encoded(np.uint16, "PNG"))
        assert isinstance(outcome, TooLittleMemory), outcome
        assert f"{SMALL_BYTES:,} bytes" in outcome.message
        broken = pool.ask(base64.b64encode(picture(300, 280)[:500]).decode())
        assert isinstance(broken, InvalidItem), broken
