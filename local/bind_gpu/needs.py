"""Names the packages that the whole server needs; the engine is measured with torch and numpy alone."""

from importlib.util import find_spec
from typing import Final

NEEDED: Final = (
    "fastapi",
    "uvicorn",
    "httptools",
    "uvloop",
    "orjson",
    "pybase64",
    "instant_clip_tokenizer",
    "PIL",
    "av",
)


def missing() -> list[str]:
    """Return the packages that the server needs and this Python lacks."""
    return [name for name in NEEDED if find_spec(name) is None]
