"""Several devices: how many there have to be, and that each gets its own batches."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from bind_inference.engine import loading
from bind_inference.engine.protocol import run_batch
from bind_inference.engine.several import SideBySide
from bind_inference.modality import Modality
from support.fake_engine import FakeEngine
from support.fake_gpus import gpus


def test_a_batch_runs_on_the_device_of_its_lane() -> None:
    engines = [FakeEngine(), FakeEngine()]
    both = SideBySide(engines)
    assert [lane.device for lane in both.lanes] == [0, 1]
    assert both.info.device == "2 x cpu"
    run_batch(both, Modality.TEXT, ["a"], 1)
    run_batch(both, Modality.TEXT, ["poison", "b"], 0)
    assert [len(engine.batches) for engine in engines] == [1, 1]
    assert engines[1].batches[0][1] == ["a"]


def test_each_gpu_gets_a_copy_of_the_one_model_that_was_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    class Model:
        where = "first"

        def to(self, device: torch.device) -> "Model":
            self.where = str(device)
            return self

    made: list[tuple[Any, str]] = []

    def engine(model: Any, device: torch.device, *_: Any, **__: Any) -> Any:
        made.append((model, str(device)))
        fake = FakeEngine()
        fake.warm_up = lambda: None  # type: ignore[attr-defined]
        return fake

    gpus(monkeypatch, 2)
    model = Model()
    monkeypatch.setattr(loading, "_prepare", lambda *_: (model, "float16", []))
    monkeypatch.setattr(loading, "TorchEngine", engine)
    monkeypatch.setattr(loading, "_space", lambda _: "")
    found = loading.load_engine(SimpleNamespace(enable_cuda=True, gpus=0), lambda _: None)  # type: ignore[arg-type]
    assert [(one.where, device) for one, device in made] == [("first", "cuda:0"), ("cuda:1", "cuda:1")]
    assert made[0][0] is model
    assert isinstance(found, SideBySide)


def test_passes_side_by_side_share_one_engine() -> None:
    engine = FakeEngine()
    both = SideBySide([engine] * 2)
    assert [lane.device for lane in both.lanes] == [0, 1]
    assert both.info is engine.info
    for device in range(2):
        run_batch(both, Modality.TEXT, ["a"], device)
    assert len(engine.batches) == 2
