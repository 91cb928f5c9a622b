"""The program of docs/how-to/aliases.md, as it stands there, against the real Weaviate and server."""

import subprocess
import sys
from pathlib import Path

import pytest

from integration.test_long_media import ELSEWHERE
from integration.weaviate_process import running_weaviate
from support.ports import free_ports
from support.server import server

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "docs" / "snippets" / "aliases.py"


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What the program says, the second time: it can be run again."""
    folder = tmp_path_factory.mktemp("aliases")
    (grpc,) = free_ports(1)
    with server(folder) as inference, running_weaviate(folder, inference.url, grpc) as address:
        port = address.rpartition(":")[2]
        command = [sys.executable, "-c", ELSEWHERE, port, str(grpc), str(PROGRAM)]
        for _ in range(2):
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env={})
            assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def test_a_search_by_the_alias_goes_to_the_collection_that_it_names(printed: list[str]) -> None:
    found, searched, named, count = printed
    assert found == "a cat on a mat"
    assert (searched, named) == ("Photo_2", "Photo_2")
    assert count == "3"


def test_the_page_shows_the_program() -> None:
    page = (ROOT / "docs" / "how-to" / "aliases.md").read_text(encoding="utf-8")
    assert f"```python\n{PROGRAM.read_text(encoding='utf-8')}```" in page
