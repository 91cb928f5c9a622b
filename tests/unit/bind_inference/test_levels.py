"""Levels become the numbers that numpy makes of them, whatever computes them."""

import numpy as np
import torch

from bind_inference.model.levels import normalise
from bind_inference.pixels import MEAN, STD


def every_level(channels: int) -> np.ndarray:
    return np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16).repeat(channels, axis=1)


def test_every_level_of_every_colour_is_numpys_to_the_last_bit() -> None:
    mean, std = (np.array(part, np.float32).reshape(1, 3, 1, 1) for part in (MEAN, STD))
    wanted = (every_level(3).astype(np.float32) / np.float32(255) - mean) / std
    found = normalise(torch.from_numpy(every_level(3)))
    assert found.dtype is torch.float32
    assert np.array_equal(found.numpy(), wanted)


def test_one_channel_is_normalised_as_red_is() -> None:
    one, three = (normalise(torch.from_numpy(every_level(channels))) for channels in (1, 3))
    assert one.shape == (1, 1, 16, 16)
    assert torch.equal(one[:, 0], three[:, 0])
    assert not torch.equal(three[:, 0], three[:, 1])
