"""Make the weights of `bind_inference.weights.seeded` on the card: a second instead of half a minute.

The same formula in int64, whose sums and products wrap as those of uint64 do; only the shifts to the right
need a mask. Equal to the last bit, which tests/unit/bind_gpu holds.
"""

import zlib

import torch
from torch import Tensor, nn

from bind_inference.weights.seeded import AS_CONSTRUCTED, value_range

_GOLDEN, _MIX_1, _MIX_2 = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
_CHUNK = 1 << 24  # elements: 128 MiB of int64


def fill_on_device(model: nn.Module) -> None:
    """Overwrite the float32 tensors of `model` where they are; scales and the mask stay as constructed."""
    for name, tensor in model.state_dict().items():
        if not tensor.is_meta and not name.endswith(AS_CONSTRUCTED):
            gain, shift = value_range(name, tuple(tensor.shape))
            _write(name, tensor.detach().view(-1), float(gain), float(shift))


def uniform_on_device(name: str, shape: tuple[int, ...], device: torch.device) -> Tensor:
    """Return float32 values in [-1, 1) of `shape` on `device`, those of `weights.seeded.uniform`."""
    tensor = torch.empty(shape, device=device)
    _write(name, tensor.view(-1), 1.0, 0.0)
    return tensor


def _write(name: str, flat: Tensor, gain: float, shift: float) -> None:
    seed = _signed(zlib.crc32(name.encode()) << 32)
    for start in range(0, flat.numel(), _CHUNK):
        out = flat[start : start + _CHUNK]
        z = torch.arange(start, start + out.numel(), dtype=torch.int64, device=flat.device)
        z += _signed(seed + _GOLDEN)
        z = (z ^ _shifted(z, 30)) * _signed(_MIX_1)
        z = (z ^ _shifted(z, 27)) * _signed(_MIX_2)
        z ^= _shifted(z, 31)
        out.copy_(_shifted(z, 40))
        out /= float(1 << 23)
        out -= 1.0
        out *= gain
        out += shift


def _shifted(z: Tensor, bits: int) -> Tensor:
    """Return z shifted right with zeros coming in, as an unsigned number is."""
    return (z >> bits) & ((1 << (64 - bits)) - 1)


def _signed(value: int) -> int:
    """Return the int64 of the same 64 bits."""
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >> 63 else value
