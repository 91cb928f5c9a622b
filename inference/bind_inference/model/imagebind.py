"""ImageBind (Girdhar et al., 2023): six transformer encoders that end in one space.

Written from the paper and the names and shapes of the published checkpoint's tensors; the numbers are
held to the reference's by tests/parity.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from bind_inference.items.alike import first_alike
from bind_inference.modality import Modality
from bind_inference.model import stems
from bind_inference.model.config import ImageBindConfig
from bind_inference.model.heads import TextHead, postprocessor, projection_head
from bind_inference.model.levels import normalise
from bind_inference.model.packing import Packing
from bind_inference.model.transformer import Trunk

# Vectors keep these lengths: clients average the vectors of one object by weight, unnormalised.
INITIAL_SCALES = {"vision": None, "text": 1 / 0.07, "audio": 20.0, "depth": 5.0, "thermal": 10.0, "imu": 5.0}

_STEMS: dict[str, Callable[[int], nn.Module]] = {
    "vision": stems.vision_stem,
    "text": stems.TextStem,
    "audio": stems.audio_stem,
    "depth": stems.depth_stem,
    "thermal": stems.thermal_stem,
    "imu": stems.ImuStem,
}
_CLIPPED = {modality for modality in Modality if modality.entry.unit in {"clip", "view"}}

Encode = Callable[[str, Tensor], Tensor]


class ImageBind(nn.Module):
    """All encoders of one configuration; build it under `torch.device("meta")` to allocate nothing yet."""

    def __init__(self, config: ImageBindConfig) -> None:
        super().__init__()
        self.config = config
        self.modality_preprocessors = nn.ModuleDict()
        self.modality_trunks = nn.ModuleDict()
        self.modality_heads = nn.ModuleDict()
        self.modality_postprocessors = nn.ModuleDict()
        for name, size in config.trunks.items():
            self.modality_preprocessors[name] = _STEMS[name](size.embed_dim)
            self.modality_trunks[name] = Trunk(
                size.embed_dim,
                size.num_blocks,
                size.num_heads,
                bias_kv=name not in ("vision", "text"),
                pre_norm=name == "vision",
            )
            self.modality_heads[name] = _head(name, size.embed_dim, config.out_dim)
            self.modality_postprocessors[name] = postprocessor(INITIAL_SCALES[name])

    def forward(self, modality: Modality, batch: Tensor, encode: Encode | None = None) -> Tensor:
        """Return the vectors of `batch`, float32 [items, out_dim], with the modality's scale.

        batch: what `preprocess` makes of each item, stacked: text int64 [items, 77], image uint8
        [items, 3, 224, 224], thermal and depth [items, 1, 224, 224], video float32
        [items, 15, 3, 2, 224, 224], audio [items, 3, 1, 128, 204], imu [items, 6, 2000]. A still may be
        float32 too, normalised. The vectors of an item's clips or views are averaged, and it may have fewer
        of them than 3 and 15; those that are alike are computed once.
        The batch lies on the CPU, in the types that are named, wherever the model is and whatever it computes
        in: only what is computed goes to a GPU.
        encode: does what the method of that name does, by other means.
        """
        encode = encode or self.encode
        if modality not in _CLIPPED:
            return encode(modality.trunk, batch)
        items, clips = batch.shape[:2]
        views = batch.flatten(0, 1)
        which = first_alike(views.numpy())
        if len(kept := sorted(set(which))) == len(views):
            vectors = encode(modality.trunk, views)
        else:
            places = torch.tensor([kept.index(first) for first in which])
            vectors = encode(modality.trunk, views[kept])
            vectors = vectors[places.to(vectors.device)]
        return vectors.view(items, clips, -1).mean(dim=1)

    def encode(self, encoder: str, batch: Tensor) -> Tensor:
        """Return vectors [items, out_dim] of a batch: texts, stills, or clips and views one by one.

        Pooled from the class token; of texts where the highest id stands, the end token. No token sees those
        after it, so what stands behind is not computed: the same vectors, sooner.
        """
        stem = self.modality_preprocessors[encoder]
        weight = next(stem.parameters())
        if encoder == "text":
            packing = Packing.of(batch.argmax(dim=-1) + 1).to(weight.device)
            return self.encode_packed(batch.to(weight.device, non_blocking=True), packing)
        # In two steps: one would cast on the CPU, which is slower than to send twice the bytes.
        moved = batch.to(weight.device, non_blocking=True)
        numbers = normalise(moved) if moved.dtype is torch.uint8 else moved
        return self.finish(encoder, self.modality_trunks[encoder](stem(numbers.to(weight.dtype))))

    def encode_packed(self, ids: Tensor, packing: Packing) -> Tensor:
        """Return vectors [texts, out_dim] of ids [texts, longest or more] that lie as `packing` says."""
        tokens = self.modality_preprocessors["text"](ids, packing)
        return self.finish("text", self.modality_trunks["text"](tokens, packing))

    def parts(self, encoder: str) -> tuple[nn.Module, nn.Module, nn.Module]:
        """Return an encoder's stem, trunk and head: all of it but the scale."""
        return (
            self.modality_preprocessors[encoder],
            self.modality_trunks[encoder],
            self.modality_heads[encoder],
        )

    @contextmanager
    def shortened(self) -> Iterator[None]:
        """Let trunks run no block but their first and last: what a whole pass does, in less time."""
        trunks = [trunk for trunk in self.modality_trunks.values() if isinstance(trunk, Trunk)]
        whole = [trunk.blocks for trunk in trunks]
        for trunk in trunks:
            trunk.blocks = nn.ModuleList([trunk.blocks[0], trunk.blocks[-1]])
        try:
            yield
        finally:
            for trunk, blocks in zip(trunks, whole, strict=True):
                trunk.blocks = blocks

    def finish(self, name: str, pooled: Tensor) -> Tensor:
        """Return vectors [items, out_dim], float32, of the tokens that an encoder's trunk has pooled."""
        vectors: Tensor = self.modality_postprocessors[name](self.modality_heads[name](pooled))
        return vectors


def _head(name: str, dim: int, out_dim: int) -> nn.Module:
    if name == "text":
        return TextHead(dim, out_dim)
    return projection_head(dim, out_dim, linear_at=3 if name == "imu" else 2)
