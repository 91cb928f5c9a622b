"""The transformer encoder that all trunks share: pre-norm blocks as in ViT (Dosovitskiy et al., 2021)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (the name everybody knows)

from bind_inference.model.layers import Linear

LAYER_NORM_EPS = 1e-6
MLP_RATIO = 4


class Attention(nn.Module):
    """Multi-head self-attention with one projection for queries, keys and values.

    With `bias_kv`, one learned key and value are attended to besides those of the tokens
    (`torch.nn.MultiheadAttention(add_bias_kv=True)`, which the tensor names come from).
    """

    def __init__(self, dim: int, num_heads: int, *, bias_kv: bool) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * dim, dim))
        self.in_proj_bias = nn.Parameter(torch.empty(3 * dim))
        self.out_proj = Linear(dim, dim)
        self.bias_k = nn.Parameter(torch.empty(1, 1, dim)) if bias_kv else None
        self.bias_v = nn.Parameter(torch.empty(1, 1, dim)) if bias_kv else None

    def forward(self, x: Tensor, *, causal: bool) -> Tensor:
        """Return x [items, tokens, dim] attended; with `causal` a token sees none after it."""
        query, key, value = self.project(x, slice(None)).chunk(3, dim=-1)
        return self._attend(query, key, value, causal=causal)

    def pool(self, x: Tensor, at: Tensor | None) -> Tensor:
        """Return one token of x [items, tokens, dim] attended, [items, 1, dim]: what forward gives it.

        at: the token's position in each item, int64 [items], and it sees none after it; None: the first,
        and it sees all. Queries are computed for this token alone.
        """
        dim = x.shape[-1]
        query = self.project(take(x, at), slice(0, dim))
        key, value = self.project(x, slice(dim, 3 * dim)).chunk(2, dim=-1)
        seen = None
        if at is not None:
            seen = torch.arange(x.shape[1], device=x.device) <= at[:, None]
            seen = seen[:, None, None, :]  # items, heads, queries, keys
        return self._attend(query, key, value, mask=seen)

    def project(self, x: Tensor, rows: slice) -> Tensor:
        """Return x [..., dim] times `rows` of the projection: dim of queries, then of keys, of values."""
        return F.linear(x, self.in_proj_weight[rows], self.in_proj_bias[rows])

    def _attend(
        self, query: Tensor, key: Tensor, value: Tensor, *, causal: bool = False, mask: Tensor | None = None
    ) -> Tensor:
        items, _, dim = query.shape
        if self.bias_k is not None and self.bias_v is not None:
            key = torch.cat([key, self.bias_k.expand(items, 1, dim)], dim=1)
            value = torch.cat([value, self.bias_v.expand(items, 1, dim)], dim=1)
        attended = F.scaled_dot_product_attention(
            self._split(query), self._split(key), self._split(value), attn_mask=mask, is_causal=causal
        )
        merged: Tensor = self.out_proj(attended.transpose(1, 2).flatten(2))
        return merged

    def _split(self, x: Tensor) -> Tensor:
        """Return [items, tokens, dim] as [items, heads, tokens, dim / heads]."""
        items, tokens, dim = x.shape
        return x.view(items, tokens, self.num_heads, dim // self.num_heads).transpose(1, 2)


class Mlp(nn.Module):
    """Two linear layers with an exact (erf) GELU between them."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.fc1 = Linear(dim, MLP_RATIO * dim)
        self.fc2 = Linear(MLP_RATIO * dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Return x [..., dim] transformed, of the same shape."""
        out: Tensor = self.fc2(F.gelu(self.fc1(x)))
        return out


class Block(nn.Module):
    """Attention, then an MLP; each reads a normalised copy and adds to what it read."""

    def __init__(self, dim: int, num_heads: int, *, bias_kv: bool) -> None:
        super().__init__()
        self.norm_1 = nn.LayerNorm(dim, eps=LAYER_NORM_EPS)
        self.attn = Attention(dim, num_heads, bias_kv=bias_kv)
        self.norm_2 = nn.LayerNorm(dim, eps=LAYER_NORM_EPS)
        self.mlp = Mlp(dim)

    def forward(self, x: Tensor, *, causal: bool) -> Tensor:
        """Return x [items, tokens, dim] transformed, of the same shape."""
        x = x + self.attn(self.norm_1(x), causal=causal)
        out: Tensor = x + self.mlp(self.norm_2(x))
        return out

    def pool(self, x: Tensor, at: Tensor | None) -> Tensor:
        """Return one token of what forward gives for x [items, tokens, dim], [items, dim]; see Attention."""
        pooled = take(x, at) + self.attn.pool(self.norm_1(x), at)
        out: Tensor = pooled + self.mlp(self.norm_2(pooled))
        return out[:, 0]


class Trunk(nn.Module):
    """A stack of blocks, for vision with a norm before the first (`pre_norm`)."""

    def __init__(
        self, dim: int, num_blocks: int, num_heads: int, *, bias_kv: bool, pre_norm: bool, causal: bool
    ) -> None:
        super().__init__()
        self.causal = causal
        # A sequence of one, because the checkpoint's name is `pre_transformer_layer.0`.
        self.pre_transformer_layer = nn.Sequential(
            nn.LayerNorm(dim, eps=LAYER_NORM_EPS) if pre_norm else nn.Identity()
        )
        self.blocks = nn.ModuleList(Block(dim, num_heads, bias_kv=bias_kv) for _ in range(num_blocks))

    def forward(self, x: Tensor, at: Tensor | None = None) -> Tensor:
        """Return of tokens x [items, tokens, dim], transformed, the one that is pooled: [items, dim].

        at: its position in each item, int64 [items]; None: the first. A causal trunk needs it. The last
        block computes keys and values of all tokens and everything else of this one alone.
        """
        x = self.pre_transformer_layer(x)
        *body, last = self.blocks
        for block in body:
            x = block(x, causal=self.causal)
        pooled: Tensor = last.pool(x, at)  # type: ignore[operator]  # a module's attributes have no types
        return pooled


def take(x: Tensor, at: Tensor | None) -> Tensor:
    """Return one token of each item of x [items, tokens, dim], [items, 1, dim]; None: the first."""
    if at is None:
        return x[:, :1]
    return x.take_along_dim(at[:, None, None], dim=1)
