import pytest
import torch

from bind_gpu.measurements import items
from bind_gpu.plain import plain
from bind_inference.modality import Modality
from bind_inference.model import CONFIGS, ImageBind
from bind_inference.model.levels import normalise
from bind_inference.weights.seeded import fill


@pytest.mark.parametrize("modality", [Modality.TEXT, Modality.IMAGE])
def test_the_plain_model_computes_the_same(modality: Modality) -> None:
    model = ImageBind(CONFIGS["Tiny"]).eval()
    fill(model)
    batch = torch.stack([torch.from_numpy(item) for item in items(modality, 3)])
    numbers = normalise(batch) if batch.dtype is torch.uint8 else batch
    with torch.inference_mode():
        torch.testing.assert_close(
            plain(model, modality, numbers), model(modality, batch), rtol=1e-4, atol=1e-5
        )
