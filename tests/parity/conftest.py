"""The small model, whose weights come from a formula."""

from pathlib import Path

import pytest

from bind_inference.model import ImageBind
from bind_inference.weights import load_model


@pytest.fixture(scope="session")
def tiny() -> ImageBind:
    return load_model("Tiny", cache_dir=Path("not-used"))
