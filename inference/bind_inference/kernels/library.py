"""Open the compiled kernels that fit this processor."""

from __future__ import annotations

import ctypes
from functools import cache
from pathlib import Path
from platform import machine
from typing import TYPE_CHECKING, Final

# Before the library, which has no threads of its own: it takes those of the OpenMP that torch has loaded.
import torch

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER: Final = Path(__file__).parent
# Levels of x86-64 (its psABI) with a flag of torch's that no processor below them has; the highest first.
LEVELS: Final = {"x86-64-v4": "avx512_vnni", "x86-64-v3": "avx2", "x86-64-v2": ""}


class KernelsMissing(Exception):
    """The kernels were not compiled, or not for this kind of processor."""


def level(platform: str, capabilities: Mapping[str, object]) -> str:
    """Return the level of instructions for a machine of `platform` and of torch's `capabilities`."""
    if platform == "x86_64":
        return next(name for name, flag in LEVELS.items() if not flag or capabilities.get(flag))
    return "armv8-a" if platform == "aarch64" else "native"


def fitting() -> str:
    """Return the level of instructions for this processor."""
    return level(machine(), torch.cpu.get_capabilities())


@cache
def open_library() -> ctypes.CDLL:
    """Return the library. Raises KernelsMissing, which says how to build it."""
    path = FOLDER / f"rows-{fitting()}.so"
    try:
        return ctypes.CDLL(str(path))
    except OSError as error:
        raise KernelsMissing(
            f"int8 needs compiled kernels, and {path.name} cannot be loaded ({error}); "
            f"compile them with {FOLDER / 'build.sh'} (gcc), or choose another precision"
        ) from error
