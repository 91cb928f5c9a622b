"""A transformer block whose products are of 8-bit integers."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (the name everybody knows)

from bind_inference.kernels import rows
from bind_inference.kernels.rows import MIDDLE, Levels, Norm, Products
from bind_inference.model.packing import Packing
from bind_inference.model.transformer import Block, attend_unfused, pooled

# The layout is chosen for about this many rows, one picture's tokens; any number is computed right.
_ROWS = 257
_LEVELS = 127  # of an int8, on either side of zero
_TINIEST = torch.finfo(torch.float32).tiny


class Int8Linear(nn.Module):
    """A linear layer whose products are of 8-bit integers.

    Weights have one scale for each output, found once; inputs have one for each row, found as they come.
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        """Take weight, float32 [out, in], and bias [out]; neither is referred to afterwards."""
        super().__init__()
        outputs, inputs = weight.shape
        self._scales = (weight.abs().amax(dim=-1) / _LEVELS).clamp_(min=_TINIEST)
        levels = (weight / self._scales[:, None]).round_().to(torch.int8)
        self._packed = torch.ops.onednn.qlinear_prepack(levels, [_ROWS, inputs])
        self._zeros = torch.zeros(outputs, dtype=torch.int64)
        self._bias = bias.float().clone()

    def forward(self, levels: Levels, dtype: torch.dtype) -> Products:
        """Return the products [rows, out] of levels [rows, in]; dtype: float32 or bfloat16."""
        values = torch.ops.onednn.qlinear_pointwise(
            levels.values, 1.0, MIDDLE, self._packed, self._scales, self._zeros,
            None, 1.0, 0, dtype, "none", [], "",
        )  # fmt: skip
        return Products(values, levels.steps, self._bias)


class Int8Block(nn.Module):
    """It does what a Block does, and all that lies between two products in one pass.

    Where products are fast, such passes are most of what is left: by torch's own operations a GELU and its
    way back to integers took three times as long.
    """

    def __init__(self, block: Block, *, pools: bool) -> None:
        """Take a block in float32, which loses its linear layers one by one; its attention is used on.

        pools: only `pool` will be called, otherwise only `forward`.
        """
        super().__init__()
        self.attn = block.attn
        dim = block.attn.in_proj_bias.numel() // 3
        parts = (slice(0, dim), slice(dim, None)) if pools else (slice(None),)
        weight, bias = block.attn.in_proj_weight, block.attn.in_proj_bias
        self.in_proj = nn.ModuleList(Int8Linear(weight[part], bias[part]) for part in parts)
        del block.attn.in_proj_weight, block.attn.in_proj_bias, weight, bias
        self.out_proj = _take(block.attn, "out_proj")
        self.fc1, self.fc2 = _take(block.mlp, "fc1"), _take(block.mlp, "fc2")
        self._norm_1, self._norm_2 = _norm(block.norm_1), _norm(block.norm_2)
        self._learned = None
        if block.attn.bias_k is not None and block.attn.bias_v is not None:
            self._learned = torch.cat((block.attn.bias_k, block.attn.bias_v)).flatten(1).float()

    def forward(self, x: Tensor, packing: Packing | None) -> Tensor:
        """Return x [items, tokens, dim], or packed texts [tokens, dim], transformed, of the same shape."""
        (projection,) = self.in_proj
        flat = x.flatten(0, -2)
        projected = projection(rows.normalize(flat, self._norm_1), x.dtype)
        if packing is None:
            width = x.shape[-1] // self.attn.num_heads
            heads = rows.split(projected, len(x), self.attn.num_heads, width**-0.5, self._learned)
            attended = rows.join(_attend(*heads))
        else:
            attended = rows.quantize(self.attn.attend(rows.scale(projected), packing))
        return self._finish(flat, attended).view(x.shape)

    def pool(self, x: Tensor, packing: Packing | None) -> Tensor:
        """Return what forward gives each item's pooled token, [items, dim]; the others' is not computed."""
        to_query, to_keys_values = self.in_proj
        own = pooled(x, packing)[:, 0]
        query = rows.scale(to_query(rows.normalize(own, self._norm_1), x.dtype))
        normal = rows.normalize(x.flatten(0, -2), self._norm_1)
        keys_values = rows.scale(to_keys_values(normal, x.dtype)).view(*x.shape[:-1], -1)
        attended = self.attn.attend_pooled(query[:, None], keys_values, packing)
        return self._finish(own, rows.quantize(attended[:, 0]))

    def _finish(self, x: Tensor, attended: Levels) -> Tensor:
        """Return x [rows, dim] with what was attended, [rows, dim], and then with the MLP's part."""
        dtype = x.dtype
        x, levels = rows.add_normalize(x, self.out_proj(attended, dtype), self._norm_2)
        return rows.add(x, self.fc2(rows.gelu(self.fc1(levels, dtype)), dtype))


def _attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Return what attend_unfused does, by what is fastest for the type."""
    if query.dtype is torch.bfloat16:
        return attend_unfused(query, key, value)
    return F.scaled_dot_product_attention(query, key, value, scale=1.0)


def _take(owner: nn.Module, name: str) -> Int8Linear:
    """Return the linear layer that `owner` has under `name`, which it has no longer."""
    layer = owner.get_submodule(name)
    delattr(owner, name)
    return Int8Linear(layer.get_parameter("weight"), layer.get_parameter("bias"))


def _norm(layer: nn.LayerNorm) -> Norm:
    return Norm(layer.weight.float().clone(), layer.bias.float().clone(), layer.eps)
