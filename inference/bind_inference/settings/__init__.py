"""The settings: fields declares each once, parsing reads them, reference writes them down for people."""

from bind_inference.settings.fields import (
    FOREIGN_NAMES,
    PROGRAM,
    ModelSettings,
    Settings,
    WeightsSettings,
    canonical_model,
)
from bind_inference.settings.parsing import InvalidSetting, parse_settings, read_settings, server_settings

__all__ = [
    "FOREIGN_NAMES",
    "PROGRAM",
    "InvalidSetting",
    "ModelSettings",
    "Settings",
    "WeightsSettings",
    "canonical_model",
    "parse_settings",
    "read_settings",
    "server_settings",
]
