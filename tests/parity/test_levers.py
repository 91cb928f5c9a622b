"""What the model leaves out, against a plain path that computes all of it: the same vectors to 1e-5.

The plain path is written here once more, from the tensors' names, with nothing left out: every block for
every token, texts of 77 tokens with the checkpoint's mask, every view and clip, the doubled frame.
"""

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (the name everybody knows)
from torch.utils.flop_counter import FlopCounterMode

from bind_inference.decoders import slicing
from bind_inference.decoders.decoding import Bounds, decode
from bind_inference.items.alike import first_alike
from bind_inference.modality import Modality
from bind_inference.model import CONFIGS, ImageBind
from bind_inference.model.packing import Packing
from bind_inference.model.stems import VideoPatches
from bind_inference.scheduling.sizing import open_decoders
from bind_inference.settings import Settings
from parity.reference import made_up_input, reference_vectors, relative_error, vectors

TOLERANCE = 1e-5
SHAPES = {modality: tuple(entry["input_shape"]) for modality, entry in reference_vectors("tiny.json").items()}


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


@torch.inference_mode()
def plain_clips(model: ImageBind, modality: Modality, batch: Tensor) -> Tensor:
    """Return the mean of every clip's vector, each computed."""
    each = [plain_media(model, modality.trunk, item).mean(dim=0) for item in batch.unbind()]
    return torch.stack(each)


ALIKE = {
    "a square video": (Modality.VIDEO, [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]),
    "a still video": (Modality.VIDEO, [0, 1, 2] * 5),
    "unlike views": (Modality.VIDEO, list(range(15))),
    "a short recording": (Modality.AUDIO, [0, 0, 0]),
    "two clips alike": (Modality.AUDIO, [0, 1, 0]),
}


@pytest.mark.parametrize("kind", ALIKE)
def test_views_that_are_alike_are_computed_once(tiny: ImageBind, kind: str) -> None:
    modality, pattern = ALIKE[kind]
    item = made_up_input(modality, SHAPES[modality])[0][pattern]
    trunk = tiny.modality_trunks[modality.trunk]
    computed: list[int] = []
    hook = trunk.register_forward_pre_hook(lambda _, arguments: computed.append(len(arguments[0])))
    with hook:
        found = vectors(tiny, modality, item[None])
    assert computed == [len(set(pattern))]
    assert relative_error(found, plain_clips(tiny, modality, item[None])) <= TOLERANCE


def test_a_video_has_the_same_vector_to_the_bit_beside_its_copy(tiny: ImageBind) -> None:
    item = made_up_input(Modality.VIDEO, SHAPES[Modality.VIDEO])[:1]
    alone = vectors(tiny, Modality.VIDEO, item)
    twice = vectors(tiny, Modality.VIDEO, torch.cat([item, item]))
    assert torch.equal(twice[0], alone[0])
    assert torch.equal(twice[0], twice[1])


@pytest.mark.parametrize("place", [(0, 0, 0, 0), (2, 1, 223, 223), (1, 0, 100, 57)])
def test_views_that_differ_in_one_number_are_not_alike(place: tuple[int, ...]) -> None:
    views = np.zeros((3, 3, 2, 224, 224), np.float32)
    views[1][place] = 1e-7
    assert first_alike(views) == [0, 1, 0]


def test_the_mean_of_a_videos_parts_is_its_vector(tiny: ImageBind) -> None:
    pattern = [0, 1, 0, 2, 2, 2, 3, 4, 5, 0, 6, 6, 5, 5, 7]
    item = made_up_input(Modality.VIDEO, SHAPES[Modality.VIDEO])[0][pattern]
    cost = Modality.VIDEO.entry.unit_gflop
    parts = slicing.slices(Modality.VIDEO, item.numpy(), 3 * cost)
    assert [part.gflop for part in parts] == [3 * cost, 3 * cost, 2 * cost]
    assert sum(part.share for part in parts) == 15
    views = [torch.from_numpy(part.tensor) for part in parts]
    each = torch.cat([vectors(tiny, Modality.VIDEO, part[None]) * len(part) for part in views])
    mean = each.sum(dim=0, keepdim=True) / 15
    assert relative_error(mean, plain_clips(tiny, Modality.VIDEO, item[None])) <= TOLERANCE


def test_a_stills_kernel_is_added_up_once_and_anew_for_other_weights() -> None:
    stem = VideoPatches(8)
    first, second = torch.rand(2, 8, 3, 2, 14, 14).unbind()
    still = torch.rand(1, 3, 28, 28)
    doubled = still.unsqueeze(2).expand(-1, -1, 2, -1, -1)
    with torch.inference_mode():
        for assign, weight in ((True, first), (False, second), (True, first)):
            stem.load_state_dict({"proj.1.weight": weight}, assign=assign)
            assert relative_error(stem(still), stem(doubled)) <= TOLERANCE
        kernel = stem.still_weight
        stem(still)
        assert stem.still_weight is kernel
        again = VideoPatches(8)
        again.load_state_dict(stem.state_dict())
        low = still.bfloat16()
        assert torch.equal(stem.bfloat16()(low), again.bfloat16()(low))  # whatever ran before the cast
    assert list(stem.state_dict()) == ["proj.1.weight"]


COSTS = {
    # slices of at most 1,000 GFLOP: (shape of the tensor, share, units)
    "a text": (Modality.TEXT, texts(9)[0], [((77,), 1, 9)]),
    "audio of like clips": (Modality.AUDIO, torch.zeros(3, 1, 128, 204), [((3, 1, 128, 204), 1, 1)]),
    "audio of unlike clips": (
        Modality.AUDIO,
        torch.arange(3.0).view(3, 1, 1, 1).expand(3, 1, 128, 204),
        [((3, 1, 128, 204), 1, 3)],
    ),
    "a square video": (
        Modality.VIDEO,
        torch.arange(15).div(3, rounding_mode="floor").view(15, 1, 1, 1, 1).expand(15, 3, 2, 8, 8),
        [((9, 3, 2, 8, 8), 9, 3), ((6, 3, 2, 8, 8), 6, 2)],
    ),
}


@pytest.mark.parametrize("kind", COSTS)
def test_an_item_costs_what_is_computed_of_it(kind: str) -> None:
    modality, tensor, wanted = COSTS[kind]
    slices = slicing.slices(modality, tensor.numpy(), 1000.0)
    unit_gflop = modality.entry.unit_gflop
    found = [(tuple(part.tensor.shape), part.share, part.gflop / unit_gflop) for part in slices]
    assert found == wanted


@pytest.mark.parametrize("modality", Modality)
def test_the_costs_are_those_of_the_full_size_model(modality: Modality) -> None:
    with torch.device("meta"):
        model = ImageBind(CONFIGS["ImageBindHuge"])
    clipped = modality in (Modality.AUDIO, Modality.VIDEO)
    shape, units = (1, *SHAPES[modality][2 if clipped else 1 :]), 1
    stem, trunk = (part[modality.trunk] for part in (model.modality_preprocessors, model.modality_trunks))
    with FlopCounterMode(display=False) as counter:
        if modality is Modality.TEXT:
            units = 16
            packing = Packing.of(torch.tensor([units]))
            packing = Packing(*(part.to("meta") for part in vars(packing).values()))
            trunk(stem(torch.zeros(1, 77, dtype=torch.int64, device="meta"), packing), packing)
        else:
            trunk(stem(torch.empty(shape, device="meta")))
    assert counter.get_total_flops() / 1e9 / units == pytest.approx(modality.entry.unit_gflop, rel=0.02)


def test_the_setting_for_long_texts_reaches_the_tokenizer() -> None:
    kept = {}
    for choice in ("weaviate", "upstream"):
        settings = Settings(model="Tiny", text_truncation=choice)
        (part,) = open_decoders(settings, lambda _: None).text("dog " * 100).slices
        kept[choice] = part.tensor
    assert kept["weaviate"][76] != 49_407
    assert kept["upstream"][76] == 49_407


def test_the_token_of_number_0_is_counted() -> None:
    for text, tokens in (("", 2), ("a dog", 4), ("!+", 4)):
        assert decode(Modality.TEXT, text, Bounds()).tokens == tokens
