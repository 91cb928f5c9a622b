"""The model in each precision that a CPU has, against the reference's numbers."""

from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (the name everybody knows)

from bind_inference.engine.lowering import dtype_of, lower
from bind_inference.engine.precision import Precision
from bind_inference.kernels import rows
from bind_inference.modality import Modality
from bind_inference.model import CONFIGS, ImageBind
from bind_inference.model.int8 import Int8Block, Int8Linear
from bind_inference.model.linear import PackedLinear, can_pack
from bind_inference.model.packing import Packing
from bind_inference.model.transformer import Block
from bind_inference.weights.reading import seeded_model
from parity.reference import made_up_input, reference_vectors, relative_error

TINY = reference_vectors("tiny.json")
CPU = torch.device("cpu")
ON_A_CPU = [Precision.FLOAT32, Precision.BFLOAT16, Precision.INT8]


def lowered(precision: Precision) -> ImageBind:
    model = seeded_model()
    for encoder in model.config.trunks:
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
    blocks = sum(size.num_blocks for size in model.config.trunks.values())
    heads, pieces = len(model.config.trunks), 1
    layers = [module for module in model.modules() if isinstance(module, PackedLinear | Int8Linear)]
    trunks = len(model.config.trunks)
    # Projections to queries, keys and values are kept apart from a model's modules, except int8's: one for
    # each block, two for the last.
    projections = blocks + trunks if precision is Precision.INT8 else 0
    assert len(layers) == 3 * blocks + projections + heads + pieces
    whole = sum(isinstance(module, Int8Linear) for module in layers)
    assert whole == (4 * blocks + trunks if precision is Precision.INT8 else 0)
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


BETWEEN_LAYERS = pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])


def multiplied(layer: Int8Linear, x: Tensor) -> Tensor:
    return rows.scale(layer(rows.quantize(x), x.dtype))


@BETWEEN_LAYERS
def test_an_int8_layer_is_within_its_step_of_the_exact_one(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    x, weight, bias = (torch.randn(15, 64) * 10).to(dtype), torch.randn(48, 64), torch.randn(48)
    found, wanted = multiplied(Int8Linear(weight, bias), x), F.linear(x.float(), weight, bias)
    assert found.dtype is dtype
    assert relative_error(found, wanted) <= 0.02


@BETWEEN_LAYERS
def test_a_row_of_an_int8_layer_does_not_depend_on_its_neighbours(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    layer = Int8Linear(torch.randn(48, 64), torch.randn(48))
    x = torch.randn(7, 64).to(dtype)
    x[3] *= 1000
    beside = multiplied(layer, x)
    assert all(torch.equal(multiplied(layer, row[None])[0], beside[i]) for i, row in enumerate(x))


@BETWEEN_LAYERS
def test_a_row_of_zeros_and_outputs_without_weights_give_the_bias(dtype: torch.dtype) -> None:
    weight, bias = torch.randn(8, 16), torch.randn(8)
    weight[2] = 0
    layer = Int8Linear(weight, bias)
    torch.testing.assert_close(multiplied(layer, torch.zeros(1, 16, dtype=dtype))[0], bias.to(dtype))
    assert multiplied(layer, torch.randn(1, 16).to(dtype))[0, 2] == bias[2].to(dtype)


@BETWEEN_LAYERS
@pytest.mark.parametrize("extreme", [torch.inf, -torch.inf, torch.nan])
def test_what_is_not_finite_stays_so(dtype: torch.dtype, extreme: float) -> None:
    """So that the item is refused, and not answered with a wrong vector."""
    x = torch.tensor([[1.0, extreme, 2.0]]).to(dtype)
    assert not multiplied(Int8Linear(torch.randn(4, 3), torch.randn(4)), x).isfinite().any()


@BETWEEN_LAYERS
@pytest.mark.parametrize("learned", [False, True])
def test_an_int8_block_does_what_the_block_does(dtype: torch.dtype, learned: bool) -> None:
    """For whole items, packed texts, and the pooled token of either."""
    torch.manual_seed(0)
    block = Block(64, 4, bias_kv=learned)
    for parameter in block.parameters():
        nn.init.normal_(parameter, std=0.2)
    x, packing = torch.randn(3, 9, 64), Packing.of(torch.tensor([2, 5, 3]))
    texts = torch.randn(10, 64)
    with torch.inference_mode():
        wanted = [block(x, None), block.pool(x, None)]
        if not learned:  # text encoders have none
            wanted += [block(texts, packing), block.pool(texts, packing)]
        whole, last = Int8Block(deepcopy(block), pools=False), Int8Block(block, pools=True)
        whole.to(dtype), last.to(dtype)
        x, texts = x.to(dtype), texts.to(dtype)
        found = [whole(x, None), last.pool(x, None)]
        if not learned:
            found += [whole(texts, packing), last.pool(texts, packing)]
    for one, other in zip(found, wanted, strict=True):
        assert one.dtype is dtype
        assert one.shape == other.shape
        assert relative_error(one, other) <= 0.03


def test_a_packed_layer_gives_the_exact_gelu() -> None:
    torch.manual_seed(0)
    x, weight, bias = torch.randn(9, 64) * 3, torch.randn(48, 64), torch.randn(48)
    wanted = F.gelu(F.linear(x.double(), weight.double(), bias.double()))
    assert relative_error(PackedLinear(weight, bias).gelu(x), wanted) <= 1e-6
    low = PackedLinear(weight.bfloat16(), bias.bfloat16()).gelu(x.bfloat16())
    assert relative_error(low, wanted) <= 0.01


def test_float16_is_what_a_gpu_would_be_given() -> None:
    """Lowered as for a GPU; the CPU computes float16 too, slowly."""
    model = seeded_model().to(torch.float16)
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
