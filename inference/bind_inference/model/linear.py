"""Linear layers of a model that only computes, on a CPU: their weights lie as oneDNN wants them.

They compute each row of their input by itself, so that an item's vector is the same whatever else is in the
batch.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (the name everybody knows)

# The layout is chosen for about this many rows, one picture's tokens; any number is computed right.
_ROWS = 257


class PackedLinear(nn.Module):
    """A linear layer in float32 or bfloat16; its weights can no longer be read.

    torch's own float32 product is MKL's, which is slow on processors that Intel did not make: on two cores of
    a Zen 5 a layer of ViT-H ran at 170 GFLOP/s, packed and by oneDNN at 430. In bfloat16 torch packs anew at
    every call: on two cores with AMX 1,500 GFLOP/s, packed once 2,100.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        """Take weight, float32 or bfloat16 [out, in], and bias [out]; neither is referred to afterwards."""
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


def can_pack(dtype: torch.dtype) -> bool:
    """Return whether this build of torch, on this processor, has packed layers for `dtype`."""
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    if dtype is torch.bfloat16:
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return dtype is torch.float32
