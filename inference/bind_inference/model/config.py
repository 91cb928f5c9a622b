"""The sizes of an ImageBind model; everything else about it is fixed."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from bind_inference.model_names import DIMENSIONS


@dataclass(frozen=True)
class TrunkConfig:
    """One encoder: width, depth and attention heads. `embed_dim` is a multiple of `num_heads`."""

    embed_dim: int
    num_blocks: int
    num_heads: int


@dataclass(frozen=True)
class ImageBindConfig:
    """A whole model: its trunks by the checkpoint's names, all ending in vectors of `out_dim` numbers."""

    name: str
    out_dim: int
    trunks: Mapping[str, TrunkConfig]


# By the names that the checkpoint gives them, in its order: ImageBindHuge's, and Tiny's.
_TRUNKS: Final = {
    "vision": (TrunkConfig(1280, 32, 16), TrunkConfig(64, 2, 4)),
    "text": (TrunkConfig(1024, 24, 16), TrunkConfig(48, 2, 4)),
    "audio": (TrunkConfig(768, 12, 12), TrunkConfig(48, 2, 4)),
    "depth": (TrunkConfig(384, 12, 8), TrunkConfig(32, 2, 4)),
    "thermal": (TrunkConfig(768, 12, 12), TrunkConfig(48, 2, 4)),
    "imu": (TrunkConfig(512, 6, 8), TrunkConfig(32, 2, 4)),
}
_HUGE: Final = {name: huge for name, (huge, _) in _TRUNKS.items()}
_TINY: Final = {name: tiny for name, (_, tiny) in _TRUNKS.items()}

CONFIGS: Mapping[str, ImageBindConfig] = MappingProxyType(
    {
        "ImageBindHuge": ImageBindConfig("ImageBindHuge", DIMENSIONS["ImageBindHuge"], _HUGE),
        "Tiny": ImageBindConfig("Tiny", DIMENSIONS["Tiny"], _TINY),
    }
)
