"""Names the packages that the whole server needs; the engine is measured with torch and numpy alone."""

from importlib.util import find_spec
from typing import Final

NEEDED: Final = (
    "PIL",
    "av",
    "fastapi",
    "fastapi_offline",
    "ftfy",
    "httptools",
    "httpx",
    "instant_clip_tokenizer",
    "orjson",
    "prometheus_client",
    "pybase64",
    "pydantic",
    "pydantic_settings",
    "pythonjsonlogger",
    "safetensors",
    "soundfile",
    "uvicorn",
    "uvloop",
)
"""Those of the extra `inference`, as they are imported."""


def missing() -> list[str]:
    """Return the packages that the server needs and this Python lacks."""
    return [name for name in NEEDED if find_spec(name) is None]
