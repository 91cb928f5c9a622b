"""The model with its weights packed for a CPU, against the reference's numbers."""

from pathlib import Path

import pytest
import torch

from bind_inference.modality import Modality
from bind_inference.model import ImageBind
from bind_inference.model.packed import PackedLinear, can_pack
from bind_inference.weights import load_model
from parity.answers import answers, made_up_input, relative_error

TINY = answers("tiny.json")
CPU = torch.device("cpu")


def packed(dtype: torch.dtype) -> ImageBind:
    model = load_model("Tiny", CPU, dtype, cache_dir=Path("not-used"))
    model.pack()
    return model


def test_this_machine_packs_what_the_tests_ask_for() -> None:
    assert can_pack(CPU, torch.float32)
    assert not can_pack(CPU, torch.float64)
    assert not can_pack(torch.device("cuda"), torch.float32)


def test_no_weight_of_a_linear_layer_is_left_unpacked() -> None:
    model = packed(torch.float32)
    assert not [name for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)]
    assert not [name for name in model.state_dict() if "in_proj" in name]
    blocks = sum(size.num_blocks for size in model.config.trunks().values())
    heads, pieces = len(model.config.trunks()), 1
    layers = [module for module in model.modules() if isinstance(module, PackedLinear)]
    assert len(layers) == 3 * blocks + heads + pieces


@pytest.mark.parametrize("modality", Modality)
def test_the_packed_model_gives_the_reference_vectors(modality: Modality) -> None:
    answer = TINY[modality]
    with torch.inference_mode():
        found = packed(torch.float32)(modality, made_up_input(modality, tuple(answer["input_shape"])))
    assert relative_error(found, torch.tensor(answer["vectors"])) <= 2e-6
