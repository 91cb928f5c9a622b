"""Find the devices to run on, or say why they are not to be had."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import torch

from bind_inference import __version__
from bind_inference.engine.protocol import DeviceLost

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bind_inference.settings import ModelSettings


def find_devices(settings: ModelSettings) -> list[torch.device]:
    """Return the devices to run on, one at least. Raises DeviceLost if there are not so many GPUs that do."""
    if not settings.enable_cuda:
        return [torch.device("cpu")]
    if torch.version.cuda is None:
        raise DeviceLost(
            "--enable-cuda (ENABLE_CUDA) is true, but torch has no CUDA here: the image with the tag "
            f"{__version__}-cpu is for CPUs alone; take the one with the tag {__version__}, or set it to 0"
        )
    if not torch.cuda.is_available():
        raise DeviceLost(
            "--enable-cuda (ENABLE_CUDA) is true, but no NVIDIA GPU can be used here"
            f"{_why_none()}; set it to 0, or give the container a GPU"
        )
    there = torch.cuda.device_count()
    if settings.gpus > there:
        raise DeviceLost(
            f"--gpus (BIND_GPUS) asks for {settings.gpus} GPUs, but the container has {there}; "
            "ask for fewer, or give it more"
        )
    numbers = range(settings.gpus or there)
    for number in numbers:
        _check(number)
    return [torch.device(f"cuda:{number}") for number in numbers]


def _why_none() -> str:
    """Return what CUDA itself says: that there is no driver, or one that is too old for this torch."""
    try:
        torch.cuda.init()  # type: ignore[no-untyped-call]  # torch's own
    except RuntimeError as error:
        said = str(error).split(". ", maxsplit=1)[0].strip().rstrip(".")
        return f" ({said}; this torch is made for CUDA {torch.version.cuda})"
    return ""


def _check(number: int) -> None:
    capability, made_for = torch.cuda.get_device_capability(number), torch.cuda.get_arch_list()
    if not can_run(capability, made_for):
        raise DeviceLost(
            f"GPU {number}, a {torch.cuda.get_device_name(number)}, has compute capability "
            f"{'.'.join(map(str, capability))}, for which this torch {torch.__version__} has no code "
            f"(it has {', '.join(made_for)}); use another GPU, or set --enable-cuda (ENABLE_CUDA) to 0"
        )


def can_run(capability: tuple[int, int], made_for: Sequence[str]) -> bool:
    """Return whether a GPU runs code that is made for these (as `sm_90` or `compute_90`), or nothing is told.

    Machine code (sm) runs on GPUs of its generation that are no older, PTX (compute) on all that are no
    older; either of a kind with a letter, on its own only. Source: CUDA C++ Programming Guide, compatibility.
    """
    found = [re.fullmatch(r"(sm|compute)_(\d+)(\d)([a-z]?)", name) for name in made_for]
    codes = [(one[1], (int(one[2]), int(one[3])), one[4]) for one in found if one]
    if not codes:
        return True
    return any(
        made == capability
        if letter
        else made <= capability and (kind == "compute" or made[0] == capability[0])
        for kind, made, letter in codes
    )
