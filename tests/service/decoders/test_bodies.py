"""What comes back from a decoder process is what would have been made in the server."""

import os
import signal
import time
from queue import SimpleQueue

import numpy as np
import pytest

from bind_inference.decoders.decoding import Bounds, Decoded, decode
from bind_inference.errors import (
    BindError,
    InvalidRequest,
)
from bind_inference.items.bodies import Endpoint, ParsedBody, parse_body
from bind_inference.items.shared_memory import Blob, Shared
from bind_inference.modality import Modality
from support.decoder_pool import Pool
from support.samples import encoded


@pytest.mark.parametrize(
    ("end", "told"),
    [(True, "the body: its decoder crashed (SIGKILL)"), (False, "the body: its decoder was stopped after ")],
    ids=["killed", "late"],
)
def test_a_body_whose_decoder_ends_is_called_one(pool: Pool, *, end: bool, told: str) -> None:
    pids = pool.pids
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)  # it takes the body and is at it
    answer, shared = SimpleQueue[ParsedBody | Exception](), Shared()
    shared.write(LARGE[Endpoint.VECTORIZE])
    pool.pool.read(Endpoint.VECTORIZE, shared, 9, lambda: True, lambda outcome, _: answer.put(outcome))
    time.sleep(0.3)
    for pid in pids if end else []:
        os.kill(pid, signal.SIGKILL)
    outcome = answer.get(timeout=30)
    assert isinstance(outcome, BindError), outcome
    assert outcome.message.startswith(told)


@pytest.mark.parametrize("modality", set(Modality) - {Modality.TEXT})
def test_what_comes_back_is_what_was_decoded(pool: Pool, modality: Modality) -> None:
    names = {"image": "cmyk.jpg", "audio": "tone_44k_stereo_4s.wav", "video": "wide_25fps_6s.mp4",
             "imu": "imu_1500.csv", "thermal": "thermal.jpg", "depth": "depth.png"}  # fmt: skip
    data = encoded(modality, names[modality])
    found, wanted = pool.ask(data, modality), decode(modality, data, Bounds())
    assert isinstance(found, Decoded), found
    assert len(found.slices) == len(wanted.slices)
    for one, other in zip(found.slices, wanted.slices, strict=True):
        assert np.array_equal(one.tensor, other.tensor)
        assert one.tensor.flags.writeable  # or torch would warn of each
        assert (one.share, one.gflop) == (other.share, other.gflop)


LARGE = {
    Endpoint.VECTORIZE: rb'{"texts":["a dog","\u65e5 \u00e9","\/"],"images":["aGVs\nbG8="],"imu":[]}',
    Endpoint.EMBEDDINGS: b'{"input":["a dog","data:image/png;base64,aGVsbG8=","data:text/plain;base64,aGk=",'
    b'"data:x/y;base64,AA"],"model":"tiny","encoding_format":"base64"}',
}


@pytest.mark.parametrize("kind", Endpoint)
def test_a_large_body_is_read_as_a_small_one(pool: Pool, kind: Endpoint) -> None:
    found, wanted = pool.read(kind, LARGE[kind]), parse_body(kind, LARGE[kind], 100)
    assert isinstance(found, ParsedBody), found
    assert found.options == wanted.options
    assert [(fault.message, fault.item) for fault in found.faults] == [
        (fault.message, fault.item) for fault in wanted.faults
    ]
    assert [(item.modality, item.index) for item in found.items] == [
        (item.modality, item.index) for item in wanted.items
    ]
    data = [item.data.read() if isinstance(item.data, Blob) else item.data for item in found.items]
    assert data == [item.data for item in wanted.items]


def test_a_large_body_that_is_wrong_is_told_as_a_small_one(pool: Pool) -> None:
    outcome = pool.read(Endpoint.VECTORIZE, b'{"text":[]}')
    assert isinstance(outcome, InvalidRequest), outcome
    assert outcome.message.startswith("text: unknown field")
