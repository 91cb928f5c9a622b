"""The model: sizes (config), tokens (stems), encoders (transformer), vectors (heads), all (imagebind)."""

from bind_inference.model.config import CONFIGS, ImageBindConfig, TrunkConfig
from bind_inference.model.imagebind import ImageBind

__all__ = ["CONFIGS", "ImageBind", "ImageBindConfig", "TrunkConfig"]
