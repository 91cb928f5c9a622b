"""The operator's live check of a real Weaviate, the real gate and a real inference server (Tiny)."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from bind_operator.api.model import ModelName
from bind_operator.cluster.verification import Asker, Target
from bind_operator.policy.facts import Verification
from bind_operator.policy.golden import GOLDEN, least_cosine
from bind_operator.policy.sketch import cosine, sketch
from bind_operator.policy.verification import Expected
from bind_operator.reasons import Reason
from support.ports import free_ports
from support.tools import binary
from support.waiting import until

from .conftest import Gate, serve_tiny

ASKER = Asker(timeout_s=3.0, embedding_timeout_s=30.0)
HOST = "127.0.0.2"
START_S = 120
PORTS = (
    "GRPC_PORT",
    "CLUSTER_GOSSIP_BIND_PORT",
    "CLUSTER_DATA_BIND_PORT",
    "RAFT_PORT",
    "RAFT_INTERNAL_RPC_PORT",
)

Serve = Callable[..., None]


@pytest.fixture
def serve(gate: Gate) -> Serve:
    """Start the inference server behind the gate; the gate's fixture ends it."""

    def start(*arguments: str) -> None:
        serve_tiny(gate, HOST, *arguments)

    return start


@pytest.fixture
def weaviate(gate: Gate, tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Start Weaviate, with more environment, and return its address; it asks the gate for its module."""
    running: list[subprocess.Popen[bytes]] = []

    def start(**more: str) -> str:
        port, *ports = free_ports(1 + len(PORTS))
        settings = {
            "PERSISTENCE_DATA_PATH": str(tmp_path),
            "ENABLE_MODULES": "multi2vec-bind",
            "BIND_INFERENCE_API": gate.url,
            "AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED": "true",
            "CLUSTER_HOSTNAME": "node",
            "CLUSTER_ADVERTISE_ADDR": "127.0.0.1",
            "DISABLE_TELEMETRY": "true",
            "GO_PROFILING_DISABLE": "true",
            "LOG_LEVEL": "error",
        }
        settings |= dict(zip(PORTS, map(str, ports), strict=True)) | more
        listen = ("--host", "127.0.0.1", "--port", str(port), "--scheme", "http")
        running.append(subprocess.Popen([binary("weaviate-server"), *listen], env=os.environ | settings))
        url = f"http://127.0.0.1:{port}"
        until(lambda: _status(f"{url}/v1/.well-known/live") == 200, START_S, "Weaviate serves")
        return url

    yield start
    for process in running:
        process.kill()
        process.wait()


async def check(gate: Gate, weaviate_url: str) -> Verification:
    return await ASKER.ask(Target(weaviate_url, gate.health_url, Expected(ModelName.TINY)))


async def test_a_working_system_is_verified_and_a_lost_server_is_told(
    gate: Gate, serve: Serve, weaviate: Callable[..., str]
) -> None:
    serve()
    url = weaviate()
    found = await check(gate, url)
    assert (found.holds, found.reason) == (True, Reason.VERIFIED), found.message
    assert found.fingerprint in GOLDEN
    assert found.vectors == GOLDEN[str(found.fingerprint)]
    gate.kill(HOST, known=False)
    lost = await check(gate, url)
    assert (lost.holds, lost.reason) == (None, Reason.VERIFYING)
    assert "no ImageBind server is ready" in lost.message


async def test_a_weaviate_that_asks_for_credentials_leaves_the_gate_to_be_asked(
    gate: Gate, serve: Serve, weaviate: Callable[..., str]
) -> None:
    serve()
    keys = {"AUTHENTICATION_APIKEY_ENABLED": "true", "AUTHENTICATION_APIKEY_ALLOWED_KEYS": "secret"}
    users = {"AUTHENTICATION_APIKEY_USERS": "admin", "AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED": "false"}
    found = await check(gate, weaviate(**keys, **users))
    assert (found.holds, found.blocks, found.reason) == (None, False, Reason.AUTHENTICATION_REQUIRED)
    assert found.vectors == GOLDEN[str(found.fingerprint)]


@pytest.mark.parametrize(
    ("precision", "cut"), [("float32", "weaviate"), ("bfloat16", "weaviate"), ("int8", "upstream")]
)
def test_the_golden_vectors_are_those_of_the_real_server(
    gate: Gate, serve: Serve, precision: str, cut: str
) -> None:
    serve("--precision", precision, "--text-truncation", cut)
    fingerprint = httpx.get(f"{gate.health_url}/meta").json()["fingerprint"]
    assert f"-{precision}-" in fingerprint
    golden, least = GOLDEN[fingerprint], least_cosine(fingerprint)
    vectors = httpx.get(f"{gate.health_url}/verify", timeout=60).json()
    assert cosine(sketch(vectors["textVectors"][0]), golden.text) >= least
    assert cosine(sketch(vectors["imageVectors"][0]), golden.image) >= least


def _status(url: str) -> int:
    try:
        return httpx.get(url, timeout=5).status_code
    except httpx.TransportError:
        return 0
