"""Programs of docs/snippets, as they stand, against a real Weaviate and server that listen elsewhere."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from integration.weaviate_process import START_S, is_ready, started_weaviate
from support.ports import free_ports
from support.server import server
from support.waiting import until

SNIPPETS = Path(__file__).parents[2] / "docs" / "snippets"
API_KEY = "sk-of-the-secret"
MODULES = "multi2vec-bind,generative-openai"
# What connects to a Weaviate on other ports than the clients' own, and runs the program.
_ELSEWHERE = """
import functools, runpy, sys, weaviate
port, grpc_port, *sys.argv = sys.argv[1:]
local = functools.partial(weaviate.connect_to_local, port=int(port), grpc_port=int(grpc_port))
weaviate.connect_to_local = local
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@dataclass(frozen=True)
class World:
    """It is a Weaviate and the inference server that it asks."""

    address: str
    grpc_port: int
    inference_url: str

    def run(
        self,
        program: str,
        *arguments: str | Path,
        folder: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> list[str]:
        """Return the lines that a program of docs/snippets prints; fail the test if it fails."""
        ports = (self.address.rpartition(":")[2], str(self.grpc_port))
        done = subprocess.run(
            [sys.executable, "-c", _ELSEWHERE, *ports, str(SNIPPETS / program), *map(str, arguments)],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            env=dict(environment or {}),
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.splitlines()


@contextlib.contextmanager
def running_world(folder: Path) -> Iterator[World]:
    """Run both until the block ends."""
    (grpc,) = free_ports(1)
    more = {"ENABLE_MODULES": MODULES, "OPENAI_APIKEY": API_KEY, "GRPC_PORT": str(grpc)}
    with (
        server(folder) as inference,
        started_weaviate(folder, inference.url, more=more) as (address, _),
    ):
        until(lambda: is_ready(address), START_S, "Weaviate is ready")
        yield World(address, grpc, inference.url)
