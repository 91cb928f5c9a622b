"""The full-size model under seeded weights, against the reference; one encoder is in memory at a time."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from bind_inference.engine.lowering import lower
from bind_inference.engine.precision import Precision
from bind_inference.modality import Modality
from bind_inference.model import CONFIGS, ImageBind
from bind_inference.model.heads import postprocessor
from bind_inference.model.imagebind import INITIAL_SCALES
from bind_inference.weights.seeded import fill
from parity.reference import made_up_input, reference_vectors, relative_error

pytestmark = pytest.mark.huge

HUGE = reference_vectors("huge.json")
ENCODERS = {
    "vision": (Modality.IMAGE, Modality.VIDEO),
    "text": (Modality.TEXT,),
    "audio": (Modality.AUDIO,),
    "depth": (Modality.DEPTH,),
    "thermal": (Modality.THERMAL,),
    "imu": (Modality.IMU,),
}

EACH_ENCODER = pytest.mark.parametrize(
    ("model", "modalities"), list(ENCODERS.items()), indirect=["model"], ids=list(ENCODERS)
)


@pytest.fixture
def model(request: pytest.FixtureRequest) -> Iterator[ImageBind]:
    """A full-size model of which only the encoder `request.param` has memory and weights."""
    encoder = request.param
    with torch.device("meta"):
        made = ImageBind(CONFIGS["ImageBindHuge"])
    for part in (made.modality_preprocessors, made.modality_trunks, made.modality_heads):
        part[encoder].to_empty(device="cpu")
    made.modality_postprocessors[encoder] = postprocessor(INITIAL_SCALES[encoder])
    fill(made)
    yield made.eval()
    made.to("meta")


def found_and_wanted(model: ImageBind, modality: Modality) -> tuple[Tensor, Tensor]:
    entry = HUGE[modality]
    with torch.inference_mode():
        found: Tensor = model(modality, made_up_input(modality, tuple(entry["input_shape"])))
    return found, torch.tensor(entry["vectors"])


@EACH_ENCODER
def test_huge_gives_the_reference_vectors(model: ImageBind, modalities: tuple[Modality, ...]) -> None:
    for modality in modalities:
        assert relative_error(*found_and_wanted(model, modality)) <= 1e-5


@pytest.mark.parametrize(("precision", "least"), [(Precision.BFLOAT16, 0.9998), (Precision.INT8, 0.999)])
@EACH_ENCODER
def test_huge_at_a_lower_precision_keeps_its_directions(
    model: ImageBind, modalities: tuple[Modality, ...], precision: Precision, least: float
) -> None:
    lower(model, modalities[0].trunk, precision, torch.device("cpu"))
    for modality in modalities:
        assert float(torch.cosine_similarity(*found_and_wanted(model, modality)).min()) >= least
