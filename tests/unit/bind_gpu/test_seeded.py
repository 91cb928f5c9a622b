import pytest
import torch

from bind_gpu import seeded
from bind_gpu.seeded import fill_on_device, uniform_on_device
from bind_inference.model import CONFIGS, ImageBind
from bind_inference.weights.seeded import fill, uniform


def test_numbers_made_by_int64_are_those_made_by_uint64(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seeded, "_CHUNK", 1000)
    made = uniform_on_device("a.weight", (77, 131), torch.device("cpu"))
    assert torch.equal(made, uniform("a.weight", (77, 131)))


def test_a_model_gets_the_weights_of_the_formula() -> None:
    wanted, found = ImageBind(CONFIGS["Tiny"]), ImageBind(CONFIGS["Tiny"])
    fill(wanted)
    fill_on_device(found)
    for (name, left), right in zip(wanted.state_dict().items(), found.state_dict().values(), strict=True):
        assert torch.equal(left, right), name
