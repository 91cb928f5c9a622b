"""Names the numbers that a model can compute with, and which of them a machine is good at."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


class Precision(StrEnum):
    """The type of number that weights are kept in and products are computed in.

    Sums, norms of vectors and scales are float32 with all of them. With INT8 the linear layers of the
    encoders are integers; everything else is what the processor does best, bfloat16 or float32.
    """

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    BFLOAT16 = "bfloat16"
    INT8 = "int8"


AUTO: Final = "auto"

# From the least exact to the most.
_LADDERS: Final = {
    "cpu": (Precision.INT8, Precision.BFLOAT16, Precision.FLOAT32),
    "cuda": (Precision.BFLOAT16, Precision.FLOAT16, Precision.FLOAT32),
}


def ladder(asked: Precision, device: str) -> tuple[Precision, ...]:
    """Return `asked` and, in their order, what to fall back to. device: cpu or cuda."""
    steps = _LADDERS[device]
    return steps[steps.index(asked) :]


def choose_for_cpu(capabilities: Mapping[str, object]) -> Precision:
    """Return what a CPU with torch's `capabilities` does best without giving up accuracy to the eye.

    That is bfloat16 where the processor multiplies it; elsewhere it would be unpacked first and be no faster.
    """
    fast = any(capabilities.get(name) for name in ("amx_bf16", "avx512_bf16", "bf16"))
    return Precision.BFLOAT16 if fast else Precision.FLOAT32


def choose_for_cuda(capability: tuple[int, int]) -> Precision:
    """Return what a GPU of compute `capability` does best: float16 has tensor cores from 7.0 on."""
    return Precision.FLOAT16 if capability >= (7, 0) else Precision.FLOAT32
