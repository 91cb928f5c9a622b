"""Make tokens of prepared media: patches or pieces, a class token, learned positions.

Sizes that media arrive in (224 pixels, 128 x 204 mel frames, 2,000 IMU samples, 77 tokens) are fixed by
the checkpoint's position tables.
"""

from collections.abc import Callable
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (the name everybody knows)

from bind_inference.model.layers import Conv2d, Conv3d, Embedding, Linear
from bind_inference.model.packing import Packing

VOCABULARY_SIZE = 49408
CONTEXT_LENGTH = 77
IMAGE_SIZE = 224
VISION_PATCH = (2, 14, 14)  # frames, rows, columns
VISION_TOKENS = (IMAGE_SIZE // 14) ** 2 + 1
THERMAL_DEPTH_PATCH = 16
THERMAL_DEPTH_TOKENS = (IMAGE_SIZE // 16) ** 2 + 1
AUDIO_PATCH, AUDIO_STRIDE = 16, 10  # patches overlap
AUDIO_TOKENS = ((128 - AUDIO_PATCH) // AUDIO_STRIDE + 1) * ((204 - AUDIO_PATCH) // AUDIO_STRIDE + 1) + 1
IMU_CHANNELS, IMU_SAMPLES, IMU_PIECE = 6, 2000, 8
IMU_TOKENS = IMU_SAMPLES // IMU_PIECE + 1


class PositionTable(nn.Module):
    """Learned positions of the class token and the patches; a module because the checkpoint has one."""

    def __init__(self, tokens: int, dim: int) -> None:
        super().__init__()
        self.pos_embed = nn.Parameter(torch.empty(1, tokens, dim))


class VideoPatches(nn.Module):
    """Patches of two frames by 14 by 14 pixels; the weight is at index 1, behind the frame doubling."""

    still_weight: Tensor | None

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.proj = nn.Sequential(nn.Identity(), Conv3d(3, dim, VISION_PATCH, VISION_PATCH, bias=False))
        # Made by the first still, because there is no one moment at which weights are there: models are
        # built empty, filled by a formula or a checkpoint, then cast and moved.
        self.register_buffer("still_weight", None, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return patches [items, 256, dim] of stills [items, 3, 224, 224] or clips [items, 3, 2, 224, 224].

        A still is a clip of the same frame twice, so the kernel's two frames are added up instead, once.
        """
        weight: Tensor = self.proj.get_parameter("1.weight")
        if x.ndim == 4:
            if self.still_weight is None:
                self.still_weight = weight.sum(dim=2)
            weight = self.still_weight
        return F.linear(cut(x, VISION_PATCH[-1]), weight.flatten(1))

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        self.still_weight = None  # the weight is about to be cast or moved
        return super()._apply(fn, recurse)  # type: ignore[no-any-return,no-untyped-call]  # torch's own

    def _load_from_state_dict(self, *arguments: Any) -> None:
        self.still_weight = None
        super()._load_from_state_dict(*arguments)


def cut(x: Tensor, side: int) -> Tensor:
    """Return the squares of `side` pixels that x [items, ..., rows, columns] consists of, row by row.

    Shape: [items, squares, numbers of one square], so that a convolution whose stride is its kernel is a
    linear layer. As such it takes 0.3 ms for 64 stills on an H100, by cuDNN 0.85; for 30 clips 0.19 and 1.04.
    """
    *leading, rows, columns = x.shape
    grid = x.reshape(*leading, rows // side, side, columns // side, side)
    down, across = grid.ndim - 4, grid.ndim - 2
    return grid.movedim((down, across), (1, 2)).flatten(3).flatten(1, 2)


class NormedPatches(nn.Module):
    """Square patches of a one-channel picture, each normalised."""

    def __init__(self, dim: int, patch: int, stride: int) -> None:
        super().__init__()
        self.proj = Conv2d(1, dim, patch, stride, bias=False)
        self.norm_layer = nn.LayerNorm(dim)

    def forward(self, x: Tensor) -> Tensor:
        """Return tokens [items, patches, dim] of pictures [items, 1, rows, columns]."""
        if self.proj.stride == self.proj.kernel_size:
            patches = F.linear(cut(x, self.proj.kernel_size[0]), self.proj.weight.flatten(1))
        else:  # unfolded first, overlapping patches took 2.7 times as long as by cuDNN
            patches = self.proj(x).flatten(2).transpose(1, 2)
        tokens: Tensor = self.norm_layer(patches)
        return tokens


class ImuPieces(nn.Module):
    """Pieces of eight samples of all six channels, each normalised."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.proj = Linear(IMU_CHANNELS * IMU_PIECE, dim, bias=False)
        self.norm_layer = nn.LayerNorm(dim)

    def forward(self, x: Tensor) -> Tensor:
        """Return tokens [items, 250, dim] of recordings [items, 6, 2000]."""
        pieces = x.unfold(-1, IMU_PIECE, IMU_PIECE).transpose(1, 2).flatten(2)
        tokens: Tensor = self.norm_layer(self.proj(pieces))
        return tokens


class PatchStem(nn.Module):
    """The patches of a picture, a clip or a spectrogram, a class token in front and positions added."""

    def __init__(self, tokens: int, dim: int, patches: nn.Module, *, name: str = "rgbt_stem") -> None:
        """Take `patches`, which makes [items, tokens - 1, dim] of a batch, and its checkpoint name."""
        super().__init__()
        self.cls_token = nn.Parameter(torch.empty(1, 1, dim))
        self.pos_embedding_helper = PositionTable(tokens, dim)
        self.add_module(name, patches)
        self._name = name

    def forward(self, x: Tensor) -> Tensor:
        """Return tokens [items, tokens, dim]."""
        patches = self.get_submodule(self._name)(x)
        cls = self.cls_token.expand(len(patches), -1, -1)
        return torch.cat([cls, patches], dim=1) + self.pos_embedding_helper.pos_embed


def vision_stem(dim: int) -> PatchStem:
    """Return the stem of stills [items, 3, 224, 224] and clips [items, 3, 2, 224, 224]."""
    return PatchStem(VISION_TOKENS, dim, VideoPatches(dim))


def audio_stem(dim: int) -> PatchStem:
    """Return the stem of mel spectrograms [items, 1, 128, 204]."""
    return PatchStem(AUDIO_TOKENS, dim, NormedPatches(dim, AUDIO_PATCH, AUDIO_STRIDE))


def thermal_stem(dim: int) -> PatchStem:
    """Return the stem of thermal pictures [items, 1, 224, 224]."""
    return PatchStem(THERMAL_DEPTH_TOKENS, dim, _square_patches(dim))


def depth_stem(dim: int) -> PatchStem:
    """Return the stem of depth pictures [items, 1, 224, 224]; the checkpoint calls its patches otherwise."""
    return PatchStem(THERMAL_DEPTH_TOKENS, dim, _square_patches(dim), name="depth_stem")


def _square_patches(dim: int) -> NormedPatches:
    return NormedPatches(dim, THERMAL_DEPTH_PATCH, THERMAL_DEPTH_PATCH)


class ImuStem(nn.Module):
    """The stem of recordings [items, 6, 2000]; the checkpoint keeps its positions without a table module."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.cls_token = nn.Parameter(torch.empty(1, 1, dim))
        self.pos_embed = nn.Parameter(torch.empty(1, IMU_TOKENS, dim))
        self.imu_stem = ImuPieces(dim)

    def forward(self, x: Tensor) -> Tensor:
        """Return tokens [items, 251, dim]."""
        cls = self.cls_token.expand(len(x), -1, -1)
        return torch.cat([cls, self.imu_stem(x)], dim=1) + self.pos_embed


class TextStem(nn.Module):
    """The stem of token ids. `mask` is here because the checkpoint has it; attention is causal without it."""

    mask: Tensor

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.token_embedding = Embedding(VOCABULARY_SIZE, dim)
        self.pos_embed = nn.Parameter(torch.empty(1, CONTEXT_LENGTH, dim))
        # On the CPU even where the model is built on the meta device, whose first triu takes 3 s of imports.
        square = torch.full((CONTEXT_LENGTH, CONTEXT_LENGTH), -torch.inf, device="cpu")
        self.register_buffer("mask", square.triu(1))

    def forward(self, ids: Tensor, packing: Packing) -> Tensor:
        """Return tokens [tokens, dim] of ids [items, length <= 77], packed."""
        longest = packing.sources.shape[1]
        positions = self.pos_embed[0, packing.places % longest]
        tokens: Tensor = self.token_embedding(packing.pack(ids[:, :longest])) + positions
        return tokens.to(positions.dtype)  # the table can be of a type of its own
