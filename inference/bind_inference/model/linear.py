"""Linear layers of a model that only computes, on a CPU: their weights lie as oneDNN wants them.

Both kinds compute each row of their input by itself, so that an item's vector is the same whatever else is in
the batch.
"""

import torch
from torch import Tensor, nn

# The layout is chosen for about this many rows, one picture's tokens; any number is computed right.
_ROWS = 257
_LEVELS = 127


class PackedLinear(nn.Module):
    """A linear layer in float32 or bfloat16; its weights can no longer be read.

    torch's own float32 product is MKL's, which is slow on processors that Intel did not make: on two cores of
    a Zen 5 a layer of ViT-H ran at 170 GFLOP/s, packed and by oneDNN at 430. In bfloat16 torch packs anew at
    every call: on two cores with AMX 1,500 GFLOP/s, packed once 2,100.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        """weight: [out, in], float32 or bfloat16; bias: [out]. Neither is referred to afterwards."""
        super().__init__()
        self._packed = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), _ROWS)
        self._bias = None if bias is None else bias.clone()

    def forward(self, x: Tensor) -> Tensor:
        """Return x [..., in] transformed, [..., out]."""
        out: Tensor = torch.ops.mkldnn._linear_pointwise(x, self._packed, self._bias, "none", [], "")
        return out


class Int8Linear(nn.Module):
    """A linear layer whose products are of 8-bit integers.

    Weights have one scale for each output, found once; inputs have one for each row, found as they come.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        """weight: [out, in], float32; bias: [out]. Neither is referred to afterwards."""
        super().__init__()
        outputs, inputs = weight.shape
        self._scales = _scale(weight)[:, 0]
        levels = (weight / self._scales[:, None]).round_().to(torch.int8)
        self._packed = torch.ops.onednn.qlinear_prepack(levels, [_ROWS, inputs])
        self._zeros = torch.zeros(outputs, dtype=torch.int64)
        self._bias = torch.zeros(outputs) if bias is None else bias.float().clone()
        # Inputs are unsigned, moved up by 128: oneDNN's product of signed ones is a thousand times slower on
        # processors without AMX. The half makes cutting off the fraction a rounding.
        self._middle = torch.tensor(128.5)

    def forward(self, x: Tensor) -> Tensor:
        """Return x [..., in] transformed, [..., out], of x's type."""
        rows = x.flatten(0, -2)
        scales = _scale(rows)
        levels = torch.addcmul(self._middle, rows, scales.reciprocal()).to(torch.uint8)
        product = torch.ops.onednn.qlinear_pointwise(
            levels, 1.0, 128, self._packed, self._scales, self._zeros,
            None, 1.0, 0, torch.float32, "none", [], "",
        )  # fmt: skip
        out = torch.addcmul(self._bias, product, scales).to(x.dtype)
        return out.view(*x.shape[:-1], -1)


def _scale(rows: Tensor) -> Tensor:
    """Return the step, float32 [rows, 1], by which each row's greatest value is 127 levels."""
    greatest = rows.abs().amax(dim=-1, keepdim=True).float()
    # A row of zeros has any step; the smallest normal number keeps its inverse finite.
    return (greatest / _LEVELS).clamp_(min=torch.finfo(torch.float32).tiny)


def can_pack(dtype: torch.dtype) -> bool:
    """Whether this build of torch, on this processor, has packed layers for `dtype`."""
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    if dtype is torch.bfloat16:
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return dtype is torch.float32
