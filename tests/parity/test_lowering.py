"""The model in each precision that a CPU has, against the reference's numbers."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (the name everybody knows)

from bind_inference.modality import Modality
from bind_inference.model import CONFIGS, ImageBind
from bind_inference.model.linear import Int8Linear, PackedLinear, can_pack
from bind_inference.model.lowering import dtype_of, lower
from bind_inference.precision import Precision
from bind_inference.weights import load_model
from parity.answers import answers, made_up_input, relative_error

TINY = answers("tiny.json")
CPU = torch.device("cpu")
ON_A_CPU = [Precision.FLOAT32, Precision.BFLOAT16, Precision.INT8]


def lowered(precision: Precision) -> ImageBind:
    model = load_model("Tiny", cache_dir=Path("not-used"))
    for encoder in model.config.trunks():
        lower(model, encoder, precision, CPU)
    return model


def vectors(model: ImageBind, modality: Modality) -> Tensor:
    batch = made_up_input(modality, tuple(TINY[modality]["input_shape"]))
    with torch.inference_mode():
        found: Tensor = model(modality, batch)
        return found


def test_this_machine_packs_what_the_tests_ask_for() -> None:
    assert can_pack(torch.float32)
    assert can_pack(torch.bfloat16)
    assert not can_pack(torch.float64)


@pytest.mark.parametrize("precision", ON_A_CPU)
def test_no_weight_of_a_linear_layer_is_left_as_it_was(precision: Precision) -> None:
    model = lowered(precision)
    assert not [name for name, module in model.named_modules() if isinstance(module, nn.Linear)]
    assert not [name for name in model.state_dict() if "in_proj" in name]
    blocks = sum(size.num_blocks for size in model.config.trunks().values())
    heads, pieces = len(model.config.trunks()), 1
    layers = [module for module in model.modules() if isinstance(module, PackedLinear | Int8Linear)]
    assert len(layers) == 3 * blocks + heads + pieces
    whole = sum(isinstance(module, Int8Linear) for module in layers)
    assert whole == (3 * blocks if precision is Precision.INT8 else 0)
    kept = {parameter.dtype for name, parameter in model.named_parameters() if "token_embedding" not in name}
    assert kept == {dtype_of(precision)}


@pytest.mark.parametrize("modality", Modality)
def test_float32_gives_the_reference_vectors(modality: Modality) -> None:
    found = vectors(lowered(Precision.FLOAT32), modality)
    assert relative_error(found, torch.tensor(TINY[modality]["vectors"])) <= 2e-6


@pytest.mark.parametrize(("precision", "least"), [(Precision.BFLOAT16, 0.9998), (Precision.INT8, 0.999)])
@pytest.mark.parametrize("modality", Modality)
def test_a_lower_precision_keeps_direction_and_length(
    modality: Modality, precision: Precision, least: float
) -> None:
    found, wanted = vectors(lowered(precision), modality), torch.tensor(TINY[modality]["vectors"])
    assert found.dtype is torch.float32
    assert float(torch.cosine_similarity(found, wanted).min()) >= least
    # Vectors are scaled in float32; the mean of clips that point elsewhere by a hair is a little shorter.
    tolerance = 1e-2 if modality in (Modality.AUDIO, Modality.VIDEO) else 1e-5
    torch.testing.assert_close(found.norm(dim=1), wanted.norm(dim=1), rtol=tolerance, atol=0)


def test_an_int8_layer_is_within_its_step_of_the_exact_one() -> None:
    torch.manual_seed(0)
    x, weight, bias = torch.randn(5, 3, 64) * 10, torch.randn(48, 64), torch.randn(48)
    found, wanted = Int8Linear(weight, bias)(x), F.linear(x, weight, bias)
    assert found.shape == wanted.shape
    assert relative_error(found, wanted) <= 0.02


def test_a_row_of_an_int8_layer_does_not_depend_on_its_neighbours() -> None:
    torch.manual_seed(0)
    layer = Int8Linear(torch.randn(48, 64), torch.randn(48))
    rows = torch.randn(7, 64)
    rows[3] *= 1000
    beside = layer(rows)
    assert all(torch.equal(layer(row[None])[0], beside[number]) for number, row in enumerate(rows))


def test_a_row_of_zeros_and_outputs_without_weights_give_the_bias() -> None:
    weight, bias = torch.randn(8, 16), torch.randn(8)
    weight[2] = 0
    found = Int8Linear(weight, bias)(torch.zeros(1, 16))
    torch.testing.assert_close(found[0], bias)
    assert Int8Linear(weight, None)(torch.randn(1, 16))[0, 2] == 0


def test_float16_is_what_a_gpu_would_be_given() -> None:
    """Lowered as for a GPU; the CPU computes float16 too, slowly."""
    model = load_model("Tiny", cache_dir=Path("not-used")).to(torch.float16)
    model.modality_postprocessors.float()
    for modality in (Modality.TEXT, Modality.IMAGE):
        found = vectors(model, modality)
        assert float(torch.cosine_similarity(found, torch.tensor(TINY[modality]["vectors"])).min()) >= 0.9999


def test_a_still_is_folded_anew_when_its_kernel_is_lowered() -> None:
    model = ImageBind(CONFIGS["Tiny"])
    stem = model.modality_preprocessors["vision"]
    with torch.inference_mode():
        stem(torch.zeros(1, 3, 224, 224))
        assert stem.get_submodule("rgbt_stem").get_buffer("still_weight").dtype is torch.float32
        lower(model, "vision", Precision.BFLOAT16, CPU)
        stem(torch.zeros(1, 3, 224, 224, dtype=torch.bfloat16))
    assert stem.get_submodule("rgbt_stem").get_buffer("still_weight").dtype is torch.bfloat16
