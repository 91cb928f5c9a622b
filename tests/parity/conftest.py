"""The small model, whose weights come from a formula."""

import pytest

from bind_inference.model import ImageBind
from bind_inference.weights.reading import seeded_model


@pytest.fixture(scope="session")
def tiny() -> ImageBind:
    return seeded_model()
