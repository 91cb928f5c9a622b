"""What the server makes of a decoder's reply, and how many descriptors that takes."""

from pathlib import Path

import numpy as np

from bind_inference.decoders.messages import build_decoded
from bind_inference.items.shared_memory import Shared


def open_memory() -> int:
    """Return how many descriptors of shared memory this process has open."""
    open_ones = [each for each in Path("/proc/self/fd").iterdir() if each.is_symlink()]
    return sum("memfd:" in str(each.readlink()) for each in open_ones)


def reply(shared: Shared, arrays: list[np.ndarray]) -> dict[str, object]:
    slices = [
        {
            "offset": shared.write(array.data.cast("B")),
            "shape": array.shape,
            "dtype": array.dtype.name,
            "share": 1,
            "gflop": 1.0,
            "window": 0,
        }
        for array in arrays
    ]
    return {"slices": slices, "tokens": 0}


def test_a_video_takes_one_descriptor_whatever_it_is_cut_into() -> None:
    before = open_memory()
    views = [np.full((1, 3, 2, 224, 224), number, np.float32) for number in range(15)]
    shared = Shared()
    decoded = build_decoded(reply(shared, views), shared)
    del shared
    assert open_memory() - before == 1
    for number, part in enumerate(decoded.slices):
        assert (part.tensor == number).all()
    del decoded, part
    assert open_memory() == before


def test_a_picture_takes_none() -> None:
    before = open_memory()
    shared = Shared()
    decoded = build_decoded(reply(shared, [np.ones((3, 224, 224), np.uint8)]), shared)
    del shared
    assert open_memory() == before
    assert decoded.slices[0].tensor.all()
