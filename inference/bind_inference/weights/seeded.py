"""Weights without a file: every value follows from its tensor's name and shape.

They make `Tiny`, which is for trying the whole system, not for search by meaning. The reference model under
the same weights gave the numbers in tests/parity, so the formula must never change.
"""

import math
import zlib

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

_CHUNK = 1 << 16  # elements: 512 KiB of uint64 stay in the cache
_COUNTERS = np.arange(_CHUNK, dtype=np.uint64)
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
AS_CONSTRUCTED = (".log_logit_scale", ".mask")
_EMBEDDINGS = ("pos_embed", "cls_token", "token_embedding.weight", "bias_k", "bias_v")


def fill(model: nn.Module) -> None:
    """Overwrite the float32 tensors of `model` on the CPU; scales and the causal mask stay as constructed.

    Tensors on the meta device are left there, so that one encoder can be filled without the others.
    """
    for name, tensor in model.state_dict().items():
        if not tensor.is_meta and not name.endswith(AS_CONSTRUCTED):
            gain, shift = value_range(name, tuple(tensor.shape))
            _write(name, tensor.detach().view(-1).numpy(), gain, shift)


def uniform(name: str, shape: tuple[int, ...]) -> Tensor:
    """Return float32 values in [-1, 1) that depend on `name` and on each element's place alone."""
    tensor = torch.empty(shape)
    _write(name, tensor.view(-1).numpy(), np.float32(1), np.float32(0))
    return tensor


def value_range(name: str, shape: tuple[int, ...]) -> tuple[np.float32, np.float32]:
    """Return (half width, centre) of a tensor's values: norms near 1, matrices of about unit gain."""
    if len(shape) == 1:
        weight = name.endswith("weight")
        return (np.float32(0.1), np.float32(1)) if weight else (np.float32(0.05), np.float32(0))
    if name.endswith(_EMBEDDINGS):
        return np.float32(0.1), np.float32(0)
    fan_in = math.prod(shape[1:])
    return np.float32(math.sqrt(3 / fan_in)), np.float32(0)


def _write(name: str, flat: npt.NDArray[np.float32], gain: np.float32, shift: np.float32) -> None:
    """Fill `flat` in chunks, which is several times faster than arrays the size of the largest tensors."""
    seed = np.uint64(zlib.crc32(name.encode()) << 32)
    z, scratch = np.empty_like(_COUNTERS), np.empty_like(_COUNTERS)
    for start in range(0, flat.size, _CHUNK):
        out = flat[start : start + _CHUNK]
        _mix(out, seed + np.uint64(start), z[: out.size], scratch[: out.size])
        out *= gain
        out += shift


def _mix(
    out: npt.NDArray[np.float32],
    first: np.uint64,
    z: npt.NDArray[np.uint64],
    scratch: npt.NDArray[np.uint64],
) -> None:
    """Write splitmix64 of the counters from `first` on, its top 24 bits, as float32 in [-1, 1) into `out`.

    `z` and `scratch` are overwritten; arithmetic wraps at 64 bits on purpose.
    """
    np.add(_COUNTERS[: z.size], first, out=z)
    z += _GOLDEN
    np.right_shift(z, 30, out=scratch)
    z ^= scratch
    z *= _MIX_1
    np.right_shift(z, 27, out=scratch)
    z ^= scratch
    z *= _MIX_2
    np.right_shift(z, 31, out=scratch)
    z ^= scratch
    z >>= np.uint64(40)
    out[:] = z
    out /= np.float32(1 << 23)
    out -= np.float32(1)
