"""Fixtures of a small checkpoint in the published format; a conftest imports them."""

import hashlib
from pathlib import Path

import pytest
import torch

from bind_inference.weights.reading import seeded_model


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a checkpoint of Tiny's tensors."""
    path = tmp_path_factory.mktemp("published") / "small.pth"
    torch.save(seeded_model().state_dict(), path)
    return path


@pytest.fixture(scope="session")
def published_sha256(published: Path) -> str:
    """Return the SHA-256 of the checkpoint."""
    return hashlib.sha256(published.read_bytes()).hexdigest()
