"""A small model that is loaded from a checkpoint, and that checkpoint."""

import dataclasses
import hashlib
from pathlib import Path

import pytest
import torch

import bind_inference.weights as weights
from bind_inference.model import CONFIGS
from bind_inference.weights import load_model

SMALL = "Small"


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the name of a model of Tiny's sizes that, unlike Tiny, is loaded from a checkpoint."""
    config = dataclasses.replace(CONFIGS["Tiny"], name=SMALL)
    monkeypatch.setattr(weights, "CONFIGS", {**CONFIGS, SMALL: config})
    return SMALL


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return its checkpoint."""
    path = tmp_path_factory.mktemp("published") / "small.pth"
    model = load_model("Tiny", cache_dir=path.parent)
    torch.save(model.state_dict(), path)
    return path


@pytest.fixture(scope="session")
def published_sha256(published: Path) -> str:
    """Return its sum."""
    return hashlib.sha256(published.read_bytes()).hexdigest()
