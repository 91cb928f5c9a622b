"""Linear layers with their weights laid out as oneDNN wants them.

torch's own float32 product is MKL's, which is slow on processors that Intel did not make: on two cores of a
Zen 5 a layer of ViT-H ran at 170 GFLOP/s, packed and by oneDNN at 430; in bfloat16 at 860 instead of 720.
"""

import torch
from torch import Tensor, nn

# The layout is chosen for about this many rows, one picture's tokens; any number is computed right.
_ROWS = 257


class PackedLinear(nn.Module):
    """A linear layer on a CPU, for inference only; its weights can no longer be read."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        """weight: [out, in], float32 or bfloat16; bias: [out]. Neither is referred to afterwards."""
        super().__init__()
        self._packed = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), _ROWS)
        self._bias = None if bias is None else bias.clone()

    def forward(self, x: Tensor) -> Tensor:
        """Return x [..., in] transformed, [..., out]."""
        out: Tensor = torch.ops.mkldnn._linear_pointwise(x, self._packed, self._bias, "none", [], "")
        return out


def can_pack(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether this build of torch, on this processor, has packed layers for `dtype`."""
    if device.type != "cpu" or not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    if dtype is torch.bfloat16:
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return dtype is torch.float32
