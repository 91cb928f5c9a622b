from importlib.util import cache_from_source, find_spec
from pathlib import Path

import pytest


@pytest.mark.parametrize("package", ["torch", "fastapi", "numpy", "uvicorn"])
def test_a_start_that_is_timed_compiles_nothing(package: str) -> None:
    spec = find_spec(package)
    assert spec
    assert spec.origin
    assert Path(cache_from_source(spec.origin)).exists(), "remove .venv/installed, then: make venv"
