"""Run the same model as anybody would write it, to be measured against: eager PyTorch without our levers.

It runs every block for every token; texts are padded to 77 tokens, stills are clips of one frame twice, cut
by a convolution.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  (the name everybody knows)

from bind_inference.modality import Modality

if TYPE_CHECKING:
    from bind_inference.model import ImageBind


@torch.inference_mode()
def plain(model: ImageBind, modality: Modality, batch: Tensor) -> Tensor:
    """Return vectors [items, dimension] of texts [items, 77] or stills [items, 3, 224, 224] on the card."""
    name = modality.trunk
    stem: Any = model.modality_preprocessors[name]  # a module's parts have no types
    trunk: Any = model.modality_trunks[name]
    causal = modality is Modality.TEXT
    if causal:
        x = stem.token_embedding(batch) + stem.pos_embed
    else:
        weight = stem.rgbt_stem.proj[1].weight
        clips = batch.to(weight.dtype).unsqueeze(2).expand(-1, -1, 2, -1, -1)
        patches = F.conv3d(clips, weight, stride=(2, 14, 14)).flatten(2).transpose(1, 2)
        cls = stem.cls_token.expand(len(patches), -1, -1)
        x = torch.cat([cls, patches], dim=1) + stem.pos_embedding_helper.pos_embed
    x = trunk.pre_transformer_layer(x.to(stem.cls_token.dtype if not causal else stem.pos_embed.dtype))
    for block in trunk.blocks:
        x = x + _attention(block.attn, block.norm_1(x), causal=causal)
        x = x + block.mlp.fc2(F.gelu(block.mlp.fc1(block.norm_2(x))))
    pooled = x[torch.arange(len(x), device=x.device), batch.argmax(-1)] if causal else x[:, 0]
    vectors: Tensor = model.modality_postprocessors[name](model.modality_heads[name](pooled))
    return vectors


def _attention(layer: Any, x: Tensor, *, causal: bool) -> Tensor:
    items, tokens, dim = x.shape
    projected = F.linear(x, layer.in_proj_weight, layer.in_proj_bias)
    heads = projected.view(items, tokens, 3, layer.num_heads, -1).permute(2, 0, 3, 1, 4)
    attended = F.scaled_dot_product_attention(heads[0], heads[1], heads[2], is_causal=causal)
    out: Tensor = layer.out_proj(attended.transpose(1, 2).reshape(items, tokens, dim))
    return out
