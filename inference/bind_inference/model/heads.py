"""Make the vector of a trunk's pooled token: norm, project, normalise, scale."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (the name everybody knows)

from bind_inference.model.layers import Linear
from bind_inference.model.transformer import LAYER_NORM_EPS

MAX_SCALE = 100.0


def projection_head(dim: int, out_dim: int, *, linear_at: int) -> nn.Sequential:
    """Return norm and projection of a pooled token; `linear_at` is the projection's index in the checkpoint.

    The layers between (pooling, in IMU also dropout) hold no tensors and are nothing at inference.
    """
    layers: list[nn.Module] = [nn.LayerNorm(dim, eps=LAYER_NORM_EPS)]
    layers += [nn.Identity() for _ in range(1, linear_at)]
    layers.append(Linear(dim, out_dim, bias=False))
    return nn.Sequential(*layers)


class TextHead(nn.Module):
    """The text trunk's head. It is one level deeper because the checkpoint's names are."""

    def __init__(self, dim: int, out_dim: int) -> None:
        super().__init__()
        self.proj = projection_head(dim, out_dim, linear_at=1)

    def forward(self, pooled: Tensor) -> Tensor:
        """Return pooled [items, dim] as [items, out_dim]."""
        out: Tensor = self.proj(pooled)
        return out


class UnitLength(nn.Module):
    """It makes vectors of length one, in float32 whatever comes in."""

    def forward(self, x: Tensor) -> Tensor:
        """Return x [items, out_dim] as float32 of unit length; a zero vector stays zero."""
        return F.normalize(x.float(), dim=-1)


class Scale(nn.Module):
    """It multiplies by a stored factor of at most 100; the checkpoint holds the factor's logarithm."""

    log_logit_scale: Tensor

    def __init__(self, initial: float) -> None:
        super().__init__()
        self.register_buffer("log_logit_scale", torch.tensor(math.log(initial)))

    def forward(self, x: Tensor) -> Tensor:
        """Return x times the factor."""
        return x * self.log_logit_scale.float().exp().clamp(max=MAX_SCALE)


def postprocessor(initial_scale: float | None) -> nn.Sequential:
    """Return what makes the final vector: unit length, then a scale if the encoder has one."""
    return (
        nn.Sequential(UnitLength())
        if initial_scale is None
        else nn.Sequential(UnitLength(), Scale(initial_scale))
    )
