"""Make a model in float32, mapped from its file, compute in a precision on a device.

It goes encoder by encoder, so that only one is in memory twice, and so that each can be asked before and
after.
"""

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn

from bind_inference.engine.precision import Precision, choose_for_cpu
from bind_inference.kernels.library import open_library
from bind_inference.model.imagebind import ImageBind
from bind_inference.model.int8 import Int8Block
from bind_inference.model.layers import Embedding, Linear
from bind_inference.model.linear import PackedLinear, can_pack
from bind_inference.model.transformer import Attention, Block, Trunk

_Maker = Callable[[Tensor, Tensor | None], nn.Module]


def dtype_of(precision: Precision) -> torch.dtype:
    """Return the type of numbers between layers."""
    if precision is Precision.INT8:
        precision = choose_for_cpu(torch.cpu.get_capabilities())
    dtype: torch.dtype = getattr(torch, precision)
    return dtype


def lower(model: ImageBind, encoder: str, precision: Precision, device: torch.device) -> None:
    """Make one encoder of a float32 `model` compute in `precision` on `device`; nothing of it stays mapped.

    The table of embeddings on a CPU stays, because a text reads a few rows of it. Scales stay float32: in
    bfloat16 they would be 0.3% off.
    """
    dtype = dtype_of(precision)
    model.modality_postprocessors[encoder].to(device)
    for part in model.parts(encoder):
        if device.type != "cpu":
            part.to(device, dtype)
            continue
        if can_pack(dtype):
            if precision is Precision.INT8 and isinstance(part, Trunk):
                _to_int8(part)
            else:
                _replace(part, _Packer(dtype))
        for module in part.modules():
            if not isinstance(module, Embedding):
                module._apply(lambda tensor: tensor.to(dtype, copy=True), recurse=False)  # type: ignore[no-untyped-call]  # torch's own


class _Packer:
    """Packs layers one by one, through one piece of memory: fresh pages for each would cost as much again."""

    def __init__(self, dtype: torch.dtype) -> None:
        self._dtype = dtype
        self._scratch = torch.empty(0, dtype=dtype)

    def __call__(self, weight: Tensor, bias: Tensor | None) -> PackedLinear:
        if weight.numel() > self._scratch.numel():
            self._scratch = torch.empty(weight.numel(), dtype=self._dtype)
        cast = self._scratch[: weight.numel()].view(weight.shape).copy_(weight)
        return PackedLinear(cast, None if bias is None else bias.to(self._dtype))


def _to_int8(trunk: Trunk) -> None:
    open_library()  # so that missing kernels fail before the work
    last = len(trunk.blocks) - 1
    for number, block in enumerate(trunk.blocks):
        trunk.blocks[number] = Int8Block(cast("Block", block), pools=number == last)


def _replace(part: nn.Module, linear: _Maker) -> None:
    attentions = [module for module in part.modules() if isinstance(module, Attention)]
    for attention in attentions:
        attention.replace(linear, pools=attention is attentions[-1])
    for module in list(part.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, Linear):
                setattr(module, name, linear(child.weight, child.bias))
