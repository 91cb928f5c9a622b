"""The sizes of an ImageBind model; everything else about it is fixed."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from bind_inference.model_names import DIMENSIONS


@dataclass(frozen=True)
class TrunkConfig:
    """One encoder: width, depth and attention heads. `embed_dim` is a multiple of `num_heads`."""

    embed_dim: int
    num_blocks: int
    num_heads: int


@dataclass(frozen=True)
class ImageBindConfig:
    """A whole model: one trunk per encoder, all ending in vectors of `out_dim` numbers."""

    name: str
    out_dim: int
    vision: TrunkConfig
    text: TrunkConfig
    audio: TrunkConfig
    depth: TrunkConfig
    thermal: TrunkConfig
    imu: TrunkConfig

    def trunks(self) -> dict[str, TrunkConfig]:
        """Return the trunks by the names that the checkpoint gives them, in its order."""
        return {
            "vision": self.vision,
            "text": self.text,
            "audio": self.audio,
            "depth": self.depth,
            "thermal": self.thermal,
            "imu": self.imu,
        }


IMAGEBIND_HUGE = ImageBindConfig(
    name="ImageBindHuge",
    out_dim=DIMENSIONS["ImageBindHuge"],
    vision=TrunkConfig(1280, 32, 16),
    text=TrunkConfig(1024, 24, 16),
    audio=TrunkConfig(768, 12, 12),
    depth=TrunkConfig(384, 12, 8),
    thermal=TrunkConfig(768, 12, 12),
    imu=TrunkConfig(512, 6, 8),
)

TINY = ImageBindConfig(
    name="Tiny",
    out_dim=DIMENSIONS["Tiny"],
    vision=TrunkConfig(64, 2, 4),
    text=TrunkConfig(48, 2, 4),
    audio=TrunkConfig(48, 2, 4),
    depth=TrunkConfig(32, 2, 4),
    thermal=TrunkConfig(48, 2, 4),
    imu=TrunkConfig(32, 2, 4),
)

CONFIGS: Mapping[str, ImageBindConfig] = MappingProxyType(
    {config.name: config for config in (IMAGEBIND_HUGE, TINY)}
)
