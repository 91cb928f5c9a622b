"""One real server for all tests of this folder, and the vectors that it must answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from support.samples import Expected, tiny_engine
from support.server import ServerProcess, server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from bind_inference.engine.torch_engine import TorchEngine


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with server(tmp_path_factory.mktemp("service")) as process:
        yield process


@pytest.fixture
def client(running: ServerProcess) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=running.url, timeout=60) as connected:
        yield connected


@pytest.fixture
async def async_client(running: ServerProcess) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=running.url, timeout=60) as connected:
        yield connected


@pytest.fixture(scope="session")
def engine() -> TorchEngine:
    return tiny_engine()


@pytest.fixture(scope="session")
def expected(engine: TorchEngine) -> Expected:
    return Expected(engine)
