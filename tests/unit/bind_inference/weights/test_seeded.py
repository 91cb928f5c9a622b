"""Seeded weights: the formula is part of the answers in tests/parity and must not drift."""

import torch

from bind_inference.model import CONFIGS, ImageBind
from bind_inference.weights.seeded import fill, uniform


def test_values_follow_from_name_and_place_alone() -> None:
    assert uniform("input.imu", (2, 3)).flatten().tolist() == uniform("input.imu", (6,)).tolist()
    assert uniform("a", (4,)).tolist() != uniform("b", (4,)).tolist()


def test_values_beyond_the_first_chunk_go_on_as_counted() -> None:
    """The 24 top bits of splitmix64 of the counter; computed here with Python's whole numbers."""
    place = 70_000
    mask = (1 << 64) - 1
    z = (place + (0xE8B7BE43 << 32) + 0x9E3779B97F4A7C15) & mask  # the CRC-32 of b"a"
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
    z ^= z >> 31
    assert uniform("a", (70_001,))[place].item() == (z >> 40) / (1 << 23) - 1


def test_scales_stay_as_constructed_and_nothing_else() -> None:
    model = ImageBind(CONFIGS["Tiny"])
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    for name, tensor in model.state_dict().items():
        if not name.endswith((".mask", ".log_logit_scale")):
            tensor.fill_(torch.nan)
    fill(model)
    for name, tensor in model.state_dict().items():
        if name.endswith((".mask", ".log_logit_scale")):
            assert torch.equal(tensor, before[name]), name
        else:
            assert torch.isfinite(tensor).all(), name
