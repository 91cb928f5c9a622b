"""The server listens at addresses of one family, or of both, with HTTP workers and without."""

from pathlib import Path

import httpx
import pytest

from support.server import ServerProcess, server

WORKERS = pytest.mark.parametrize("workers", ["0", "1"])
BODY = {"texts": ["a dog"]}


def answers(process: ServerProcess, host: str) -> bool:
    try:
        answer = httpx.post(f"http://{host}:{process.port}/vectorize", json=BODY, timeout=60)
    except httpx.ConnectError:
        return False
    return len(answer.json()["textVectors"]) == 1


@WORKERS
def test_at_both_families(tmp_path: Path, workers: str) -> None:
    with server(tmp_path, "--http-host", "::", "--http-workers", workers) as process:
        assert answers(process, "[::1]")
        assert answers(process, "127.0.0.1")


def test_at_one_address_of_ipv6(tmp_path: Path) -> None:
    with server(tmp_path, "--http-host", "::1", ready=False) as process:
        answer = httpx.get(f"http://[::1]:{process.port}/.well-known/live", timeout=60)
        assert answer.status_code == 204
        assert not answers(process, "127.0.0.1")
