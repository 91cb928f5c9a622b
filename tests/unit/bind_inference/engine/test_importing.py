"""What is set before torch is imported."""

import gc
import os

import pytest

from bind_inference.engine import importing, loading
from bind_inference.settings import Settings

NAME = "PYTORCH_ALLOC_CONF"


@pytest.mark.parametrize(
    ("enable_cuda", "before", "after"),
    [
        (True, None, "expandable_segments:True"),
        (True, "backend:cudaMallocAsync", "backend:cudaMallocAsync"),
        (False, None, None),
    ],
)
def test_a_gpu_has_segments_that_grow_unless_the_user_says_otherwise(
    enable_cuda: bool, before: str | None, after: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(NAME, before or "")  # so that whatever is set is undone
    if before is None:
        monkeypatch.delenv(NAME)
    monkeypatch.setattr(loading, "load_engine", lambda *_: os.environ.get(NAME))
    monkeypatch.setattr(gc, "freeze", lambda: None)
    settings = Settings(model="Tiny", enable_cuda=enable_cuda)
    assert importing.load_engine(settings, lambda _: None) == after  # type: ignore[comparison-overlap]
