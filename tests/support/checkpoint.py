"""Fixtures of a small model and its checkpoint in the published format; a conftest imports them."""

import dataclasses
import hashlib
from pathlib import Path

import pytest
import torch

from bind_inference.model import CONFIGS
from bind_inference.weights import reading
from bind_inference.weights.reading import seeded_model

HUGE = "ImageBindHuge"


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


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the name of the model that is read from a checkpoint; it is of Tiny's sizes here."""
    config = dataclasses.replace(CONFIGS["Tiny"], name=HUGE)
    monkeypatch.setattr(reading, "CONFIGS", {HUGE: config, "Tiny": CONFIGS["Tiny"]})
    return HUGE
