"""What the model leaves out, against a plain path that computes all of it: the same vectors to 1e-5.

The plain path is written here once more, from the tensors' names, with nothing left out: every block for
every token, texts of 77 tokens with the checkpoint's mask, every view and clip, the doubled frame.
"""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (the name everybody knows)

from bind_inference.modality import Modality
from bind_inference.model import ImageBind
from bind_inference.weights import load_model
from parity.answers import answers, made_up_input, relative_error

TOLERANCE = 1e-5
SHAPES = {modality: tuple(entry["input_shape"]) for modality, entry in answers("tiny.json").items()}


@pytest.fixture(scope="module")
def tiny() -> ImageBind:
    return load_model("Tiny", "cpu", torch.float32, cache_dir=Path("not-used"))


@torch.inference_mode()
def vectors(model: ImageBind, modality: Modality, batch: Tensor) -> Tensor:
    made: Tensor = model(modality, batch)
    return made


@torch.inference_mode()
def plain_trunk(trunk: nn.Module, x: Tensor, mask: Tensor | None) -> Tensor:
    """Return tokens [items, tokens, dim] after every block, by torch's own attention layer."""
    x = trunk.get_submodule("pre_transformer_layer")(x)
    for block in trunk.get_submodule("blocks").children():
        own = block.get_submodule("attn")
        dim = x.shape[-1]
        bias_kv = own.bias_k is not None
        theirs = nn.MultiheadAttention(dim, own.num_heads, batch_first=True, add_bias_kv=bias_kv)
        theirs.load_state_dict(own.state_dict())
        normed = block.get_submodule("norm_1")(x)
        x = x + theirs.eval()(normed, normed, normed, attn_mask=mask, need_weights=False)[0]
        normed = block.get_submodule("norm_2")(x)
        hidden = F.gelu(block.get_submodule("mlp.fc1")(normed))
        x = x + block.get_submodule("mlp.fc2")(hidden)
    return x


@torch.inference_mode()
def plain_texts(model: ImageBind, ids: Tensor) -> Tensor:
    stem = model.modality_preprocessors["text"]
    x = stem.get_submodule("token_embedding")(ids) + stem.get_parameter("pos_embed")
    x = plain_trunk(model.modality_trunks["text"], x, stem.get_buffer("mask"))
    return finish(model, "text", x[torch.arange(len(ids)), ids.argmax(dim=-1)])


@torch.inference_mode()
def plain_media(model: ImageBind, name: str, batch: Tensor) -> Tensor:
    x = model.modality_preprocessors[name](batch)
    return finish(model, name, plain_trunk(model.modality_trunks[name], x, None)[:, 0])


def finish(model: ImageBind, name: str, pooled: Tensor) -> Tensor:
    made: Tensor = model.modality_postprocessors[name](model.modality_heads[name](pooled))
    return made


def texts(*lengths: int) -> Tensor:
    """Return token ids [texts, 77] of texts of these lengths, start and end included."""
    rows = torch.zeros(len(lengths), 77, dtype=torch.int64)
    generator = torch.Generator().manual_seed(sum(lengths))
    for row, length in zip(rows, lengths, strict=True):
        row[:length] = torch.randint(1, 49_000, (length,), generator=generator)
        row[0], row[length - 1] = 49_406, 49_407
    return rows


@pytest.mark.parametrize("modality", [Modality.IMAGE, Modality.THERMAL, Modality.DEPTH, Modality.IMU])
def test_the_last_block_may_leave_out_all_but_the_pooled_token(tiny: ImageBind, modality: Modality) -> None:
    batch = made_up_input(modality, SHAPES[modality])
    wanted = plain_media(tiny, modality.trunk, batch)
    assert relative_error(vectors(tiny, modality, batch), wanted) <= TOLERANCE


@pytest.mark.parametrize("lengths", [(5,), (77,), (9, 9), (3, 77, 16, 2, 40, 16)], ids=str)
def test_texts_are_computed_up_to_their_end_and_without_padding(
    tiny: ImageBind, lengths: tuple[int, ...]
) -> None:
    ids = texts(*lengths)
    assert relative_error(vectors(tiny, Modality.TEXT, ids), plain_texts(tiny, ids)) <= TOLERANCE


def test_a_text_sees_nothing_of_those_packed_beside_it(tiny: ImageBind) -> None:
    ids = texts(7, 30, 12)
    before = vectors(tiny, Modality.TEXT, ids)
    others = ids.clone()
    others[0, 1:6], others[2, 1:11] = 100, 200
    after = vectors(tiny, Modality.TEXT, others)
    assert relative_error(after[1:2], before[1:2]) <= TOLERANCE
    assert relative_error(after[:1], before[:1]) > 0.01
