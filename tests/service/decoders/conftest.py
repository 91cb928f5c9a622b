"""A pool of decoder processes that some pictures crash."""

from collections.abc import Iterator

import pytest

from bind_inference.decoders.handle import PoolConfig
from support import crashing
from support.decoder_pool import MEMORY_BYTES, TIMEOUT_S, WORKERS, Pool, opened
from support.server import ROOT


@pytest.fixture(scope="module", autouse=True)
def _importable() -> Iterator[None]:
    """Let the fork server find our modules: it knows PYTHONPATH, but not what pytest adds to sys.path."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", f"{ROOT / 'inference'}:{ROOT / 'tests'}")
        yield


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pool]:
    """Return a pool in which some pictures do harm."""
    monkeypatch.setattr("bind_inference.decoders.handle.serve", crashing.serve)
    with opened(PoolConfig(WORKERS, TIMEOUT_S, MEMORY_BYTES)) as made:
        yield made
