"""Several devices: how many there have to be, and that each gets its own batches."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from bind_inference import __version__
from bind_inference.engine import loading
from bind_inference.engine.loading import find_devices
from bind_inference.engine.protocol import DeviceLost, run_batch
from bind_inference.engine.several import SeveralDevices
from bind_inference.modality import Modality
from bind_inference.settings import Settings
from support.fake_engine import FakeEngine


def gpus(monkeypatch: pytest.MonkeyPatch, there: int) -> None:
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: there)


@pytest.mark.parametrize(("asked", "found"), [(0, ["cuda:0", "cuda:1", "cuda:2"]), (2, ["cuda:0", "cuda:1"])])
def test_all_gpus_are_used_or_as_many_as_are_asked_for(
    asked: int, found: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    gpus(monkeypatch, 3)
    devices = find_devices(Settings(model="Tiny", enable_cuda=True, gpus=asked))
    assert [str(device) for device in devices] == found


def test_more_gpus_than_there_are_is_an_error_that_names_both(monkeypatch: pytest.MonkeyPatch) -> None:
    gpus(monkeypatch, 1)
    with pytest.raises(DeviceLost, match=r"--gpus \(BIND_GPUS\) asks for 2 GPUs, but the container has 1"):
        find_devices(Settings(model="Tiny", enable_cuda=True, gpus=2))


def test_no_gpu_is_an_error_and_a_cpu_asks_for_none(monkeypatch: pytest.MonkeyPatch) -> None:
    gpus(monkeypatch, 0)
    with pytest.raises(DeviceLost, match="no NVIDIA GPU can be used here"):
        find_devices(Settings(model="Tiny", enable_cuda=True))
    assert find_devices(Settings(model="Tiny")) == [torch.device("cpu")]


def test_a_torch_without_cuda_says_which_image_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.version, "cuda", None)
    with pytest.raises(DeviceLost) as raised:
        find_devices(Settings(model="Tiny", enable_cuda=True))
    assert f"the tag {__version__}-cpu is for CPUs alone; take the one with the tag {__version__}," in str(
        raised.value
    )
    assert find_devices(Settings(model="Tiny")) == [torch.device("cpu")]


def test_a_batch_runs_on_the_device_of_its_lane() -> None:
    engines = [FakeEngine(), FakeEngine()]
    both = SeveralDevices(engines)
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
    assert isinstance(found, SeveralDevices)
