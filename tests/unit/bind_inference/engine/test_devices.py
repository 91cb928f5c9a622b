"""Devices: how many there have to be, what they have to do, and what is said where they do not."""

import pytest
import torch

from bind_inference import __version__
from bind_inference.engine.devices import can_run, find_devices
from bind_inference.engine.protocol import DeviceLost
from bind_inference.settings import Settings
from support.fake_gpus import gpus


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


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            RuntimeError("The NVIDIA driver on your system is too old (found version 12020). Please update"),
            r"too old \(found version 12020\); this torch is made for CUDA 13\.0\); set it to 0",
        ),
        (RuntimeError("Found no NVIDIA driver on your system. Please check"), "Found no NVIDIA driver"),
    ],
)
def test_why_there_is_no_gpu_is_told_as_cuda_says_it(
    said: Exception, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def init() -> None:
        raise said

    gpus(monkeypatch, 0)
    monkeypatch.setattr(torch.cuda, "init", init)
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    with pytest.raises(DeviceLost, match=told):
        find_devices(Settings(model="Tiny", enable_cuda=True))


def test_a_gpu_that_torch_has_no_code_for_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    gpus(monkeypatch, 2)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda number: ((9, 0), (6, 1))[number])
    with pytest.raises(
        DeviceLost, match=r"GPU 1, a NVIDIA H100, has compute capability 6\.1, .*sm_80, sm_90"
    ):
        find_devices(Settings(model="Tiny", enable_cuda=True))
    assert len(find_devices(Settings(model="Tiny", enable_cuda=True, gpus=1))) == 1


@pytest.mark.parametrize(
    ("capability", "made_for", "runs"),
    [
        ((9, 0), ["sm_80", "sm_90"], True),
        ((8, 9), ["sm_80", "sm_90"], True),
        ((8, 0), ["sm_86"], False),
        ((7, 0), ["sm_75", "sm_80"], False),
        ((12, 0), ["sm_90", "compute_90"], True),
        ((12, 0), ["sm_90", "sm_100"], False),
        ((10, 3), ["sm_100", "sm_120"], True),
        ((9, 0), ["sm_90a"], True),
        ((12, 1), ["compute_120a"], False),
        ((9, 0), [], True),
    ],
)
def test_what_code_a_gpu_runs(capability: tuple[int, int], made_for: list[str], runs: bool) -> None:
    assert can_run(capability, made_for) is runs
