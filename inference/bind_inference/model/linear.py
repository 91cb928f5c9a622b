"""Linear layers of a model that only computes, on a CPU: their weights lie as oneDNN wants them.

Both kinds compute each row of their input by itself, so that an item's vector is the same whatever else is in
the batch.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (the name everybody knows)

# The layout is chosen for about this many rows, one picture's tokens; any number is computed right.
_ROWS = 257
_LEVELS = 127  # of an int8, on either side of zero
_MIDDLE = 128  # that of an uint8
# So that a step is not below its exact value when it is rounded to bfloat16: no level is then above 127.
_ROOM = 1 + 2**-8
# A row of zeros has any step; the smallest normal number keeps levels finite.
_TINIEST = torch.finfo(torch.float32).tiny


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
        return self._run(x, "none")

    def gelu(self, x: Tensor) -> Tensor:
        """Return the exact (erf) GELU of what forward gives.

        In float32 within the product, a pass less over its result. In bfloat16 oneDNN's is no faster.
        """
        return self._run(x, "gelu") if x.dtype is torch.float32 else F.gelu(self(x))

    def _run(self, x: Tensor, then: str) -> Tensor:
        # "none" as the last argument: the GELU by erf, not the one by tanh
        out: Tensor = torch.ops.mkldnn._linear_pointwise(x, self._packed, self._bias, then, [], "none")
        return out


class Int8Linear(nn.Module):
    """A linear layer whose products are of 8-bit integers.

    Weights have one scale for each output, found once; inputs have one for each row, found as they come.
    On processors with AMX the products are a third of the time, and the rest is passes over inputs and
    results: hence few of them, in the type of the input, and none that torch does not vectorize.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        """weight: [out, in], float32; bias: [out]. Neither is referred to afterwards."""
        super().__init__()
        outputs, inputs = weight.shape
        self._scales = (weight.abs().amax(dim=-1) / _LEVELS).clamp_(min=_TINIEST)
        levels = (weight / self._scales[:, None]).round_().to(torch.int8)
        self._packed = torch.ops.onednn.qlinear_prepack(levels, [_ROWS, inputs])
        self._zeros = torch.zeros(outputs, dtype=torch.int64)
        self._bias = torch.zeros(outputs) if bias is None else bias.float().clone()

    def forward(self, x: Tensor) -> Tensor:
        """Return x [..., in] transformed, [..., out], of x's type, float32 or bfloat16."""
        levels, steps = _quantize(x.flatten(0, -2))
        product = torch.ops.onednn.qlinear_pointwise(
            levels, 1.0, _MIDDLE, self._packed, self._scales, self._zeros,
            None, 1.0, 0, x.dtype, "none", [], "",
        )  # fmt: skip
        return torch.addcmul(self._bias.to(x.dtype), product, steps).view(*x.shape[:-1], -1)

    def gelu(self, x: Tensor) -> Tensor:
        """Return the exact (erf) GELU of what forward gives."""
        return F.gelu(self(x))


def _quantize(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return rows [n, in] as levels, uint8, and each row's step, [n, 1] of the rows' type.

    A level is the number of steps above the middle. Unsigned, because oneDNN's product of signed ones is a
    thousand times slower on processors without AMX; by way of signed ones, to which torch casts faster.
    """
    steps = (_greatest(rows).float() * (_ROOM / _LEVELS)).clamp_(min=_TINIEST).to(rows.dtype)
    levels = (rows / steps).round_().to(torch.int8)
    return levels.view(torch.uint8).bitwise_xor_(_MIDDLE), steps


def _greatest(rows: Tensor) -> Tensor:
    """Return the greatest absolute value of each row of [n, in], [n, 1]."""
    if rows.dtype is torch.float32:
        return rows.abs().amax(dim=-1, keepdim=True)
    # Without the sign, the bits of bfloat16 are integers in the order of the values: a third of the time.
    return rows.view(torch.int16).bitwise_and(0x7FFF).amax(dim=-1, keepdim=True).view(torch.bfloat16)


def can_pack(dtype: torch.dtype) -> bool:
    """Whether this build of torch, on this processor, has packed layers for `dtype`."""
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    if dtype is torch.bfloat16:
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return dtype is torch.float32
