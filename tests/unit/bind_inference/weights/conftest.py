"""A small model that is loaded from a checkpoint, and that checkpoint."""

import dataclasses

import pytest

import bind_inference.weights.reading as reading
from bind_inference.model import CONFIGS
from support.checkpoint import published, published_sha256

__all__ = ["published", "published_sha256", "small"]

SMALL = "Small"


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the name of a model of Tiny's sizes that, unlike Tiny, is loaded from a checkpoint."""
    config = dataclasses.replace(CONFIGS["Tiny"], name=SMALL)
    monkeypatch.setattr(reading, "CONFIGS", {**CONFIGS, SMALL: config})
    return SMALL
