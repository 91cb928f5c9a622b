"""A batch of unlike shapes, such as windows beside whole recordings, is run in parts, not item by item."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from bind_inference.modality import Modality
from support.samples import tiny_engine


def test_items_of_one_shape_are_computed_together(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = tiny_engine()
    rng = np.random.default_rng(0)
    whole, window = (rng.standard_normal((clips, 1, 128, 204)).astype(np.float32) for clips in (3, 1))
    alone = {len(item): engine.forward(Modality.AUDIO, [item])[0] for item in (whole, window)}
    monkeypatch.setattr(engine, "_device", SimpleNamespace(type="cuda"))  # there media run in batches
    sizes: list[int] = []
    model = engine._model

    def counting(modality: Modality, batch: torch.Tensor) -> torch.Tensor:
        sizes.append(len(batch))
        found: torch.Tensor = model(modality, batch)
        return found

    monkeypatch.setattr(engine, "_model", counting)
    items = [window, whole, window, whole, window]
    vectors = engine.forward(Modality.AUDIO, items)
    assert sizes == [3, 2]
    for item, vector in zip(items, vectors, strict=True):
        np.testing.assert_allclose(vector, alone[len(item)], rtol=1e-4, atol=1e-5)
