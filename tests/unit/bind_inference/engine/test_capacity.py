"""A device that runs out of memory: the batch is cut, and none so large is tried again."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch

from bind_inference.engine.precision import Precision
from bind_inference.engine.protocol import Capacity, run_batch
from bind_inference.engine.torch_engine import TorchEngine
from bind_inference.modality import Modality

TEXT, IMAGE = Modality.TEXT, Modality.IMAGE


def test_what_was_too_much_is_halved_for_its_modality_only() -> None:
    capacity = Capacity()
    assert capacity.of(TEXT, 32) == 32
    assert capacity.exceeded(TEXT, 32) == 16
    assert capacity.exceeded(TEXT, 3) == 1
    assert capacity.exceeded(TEXT, 32) == 1, "it never grows again"
    assert (capacity.of(TEXT, 32), capacity.of(IMAGE, 32)) == (1, 32)


class SmallDevice:
    """A model for which three texts at once are one too many."""

    config = SimpleNamespace(name="Small", out_dim=1)

    def __init__(self) -> None:
        self.batches: list[int] = []

    def __call__(self, _modality: Modality, batch: torch.Tensor) -> torch.Tensor:
        self.batches.append(len(batch))
        if len(batch) > 2:
            raise torch.OutOfMemoryError("out of memory")
        return batch[:, :1].float()


def test_every_item_is_answered_and_later_batches_fit_at_once(caplog: pytest.LogCaptureFixture) -> None:
    model = SmallDevice()
    engine = TorchEngine(cast("Any", model), torch.device("cpu"), Precision.FLOAT32)
    items = [torch.full((77,), number) for number in range(4)]
    for run in ([4, 2, 2], [2, 2]):
        model.batches.clear()
        vectors = run_batch(engine, TEXT, items)
        assert [float(cast("Any", vector)[0]) for vector in vectors] == [0, 1, 2, 3]
        assert model.batches == run
    assert caplog.text.count("did not fit") == 1
