"""The model's vectors under seeded weights, against the reference model's under the same weights.

Both files carry eight digits, hence errors of 1e-7 at best.
"""

import json

import pytest
import torch

from bind_inference.modality import Modality
from bind_inference.model import CONFIGS, ImageBind
from parity.reference import HERE, made_up_input, reference_vectors, relative_error, vectors

TINY = reference_vectors("tiny.json")
TOLERANCE = 2e-6  # seen: 1.3e-7 to 7.2e-7; a wrong epsilon in one norm gives 1e-5 and more
SCALES = {"image": 1, "video": 1, "text": 1 / 0.07, "audio": 20, "thermal": 10, "depth": 5, "imu": 5}


def test_the_reference_has_vectors_of_every_modality() -> None:
    assert set(TINY) == set(Modality)


@pytest.mark.parametrize("modality", Modality)
def test_tiny_gives_the_reference_vectors(tiny: ImageBind, modality: Modality) -> None:
    entry = TINY[modality]
    found = vectors(tiny, modality, made_up_input(modality, tuple(entry["input_shape"])))
    assert found.dtype == torch.float32
    assert relative_error(found, torch.tensor(entry["vectors"])) <= TOLERANCE


@pytest.mark.parametrize("modality", Modality)
def test_an_item_alone_gives_the_vector_it_gives_in_a_batch(tiny: ImageBind, modality: Modality) -> None:
    batch = made_up_input(modality, tuple(TINY[modality]["input_shape"]))
    together = vectors(tiny, modality, batch)
    alone = torch.cat([vectors(tiny, modality, item[None]) for item in batch.unbind()])
    assert relative_error(alone, together) <= TOLERANCE


@pytest.mark.parametrize("modality", Modality)
def test_vectors_keep_the_scale_of_their_modality(tiny: ImageBind, modality: Modality) -> None:
    batch = made_up_input(modality, tuple(TINY[modality]["input_shape"]))[:1]
    if modality is Modality.AUDIO:
        batch = batch[:, :1].expand(-1, 3, -1, -1, -1)  # unlike clips average to less than the scale
    if modality is Modality.VIDEO:
        batch = batch[:, :1].expand(-1, 15, -1, -1, -1, -1)
    length = float(vectors(tiny, modality, batch).norm())
    assert length == pytest.approx(SCALES[modality], rel=1e-5)


def test_a_still_is_a_clip_of_the_same_frame_twice(tiny: ImageBind) -> None:
    still = made_up_input(Modality.IMAGE, (1, 3, 224, 224))
    clip = still[:, None, :, None].expand(1, 1, 3, 2, 224, 224)
    found, wanted = vectors(tiny, Modality.IMAGE, still), vectors(tiny, Modality.VIDEO, clip)
    assert relative_error(found, wanted) <= TOLERANCE


def test_a_text_without_end_token_is_pooled_at_its_highest_id(tiny: ImageBind) -> None:
    """So the peer does with texts above 77 tokens; what stands behind the highest id is not seen."""
    full = torch.randint(1, 40_000, (1, 77), generator=torch.Generator().manual_seed(0))
    full[0, 0], full[0, 30] = 40_500, 41_000
    cut = full.clone()
    cut[0, 31:] = 0
    assert relative_error(vectors(tiny, Modality.TEXT, full), vectors(tiny, Modality.TEXT, cut)) <= TOLERANCE


def test_tensors_are_named_and_shaped_as_in_the_published_checkpoint() -> None:
    published = json.loads((HERE / "state_dict.json").read_text())
    with torch.device("meta"):
        ours = ImageBind(CONFIGS["ImageBindHuge"]).state_dict()
    assert {name: (list(t.shape), str(t.dtype)) for name, t in ours.items()} == {
        name: (entry["shape"], f"torch.{entry['dtype']}") for name, entry in published.items()
    }
