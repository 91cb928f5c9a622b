"""The settings: fields declares each once, parsing reads them, reference tells people of them."""

from bind_inference.settings.fields import (
    FOREIGN_NAMES,
    PROGRAM,
    ModelSettings,
    Settings,
    WeightsSettings,
    canonical_model,
)
from bind_inference.settings.parsing import InvalidSetting, load_settings, parse_settings, server_settings

__all__ = [
    "FOREIGN_NAMES",
    "PROGRAM",
    "InvalidSetting",
    "ModelSettings",
    "Settings",
    "WeightsSettings",
    "canonical_model",
    "load_settings",
    "parse_settings",
    "server_settings",
]
