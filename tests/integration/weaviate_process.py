"""The real Weaviate as a process on loopback, with a module whose server is played by the test or is real."""

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import httpx

from support.http_server import listening
from support.ports import free_ports
from support.tools import binary
from support.waiting import until

FINGERPRINT = "Tiny-float32-00000000"
START_S = 60
PROGRAM = "weaviate-server"


class PlayedInference(BaseHTTPRequestHandler):
    """An inference server that is ready and says what it is; it embeds nothing."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"model": "Tiny", "fingerprint": FINGERPRINT}).encode())


@contextlib.contextmanager
def running_weaviate(folder: Path, inference: str = "", grpc_port: int = 0) -> Iterator[str]:
    """Run Weaviate with its files in `folder`, and yield its `host:port` once it is ready.

    inference: the server's URL, "" for one that is played. grpc_port: 0 takes a free one.
    """
    more = {"GRPC_PORT": str(grpc_port)} if grpc_port else {}
    with contextlib.ExitStack() as stack:
        url = inference or stack.enter_context(listening(PlayedInference))
        address, _ = stack.enter_context(started_weaviate(folder, url, more=more))
        until(lambda: is_ready(address), START_S, "Weaviate is ready")
        yield address


@contextlib.contextmanager
def started_weaviate(
    folder: Path,
    inference: str,
    program: str = PROGRAM,
    more: Mapping[str, str | None] | None = None,
    at: tuple[str, int] | None = None,
    host: str = "127.0.0.1",
) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """Start Weaviate, and yield its `host:port` and the process at once; its log is weaviate.log.

    program: as `bind_local path` knows it, for another version. more: environment; None takes one away.
    at: the address of loopback that it listens at; None: a free port of `host`, by whose `::` it is reached
    at 127.0.0.1, too.
    """
    free, gossip, data, raft, raft_rpc, grpc = free_ports(6)
    host, port = at or (host, free)
    environment = {
        "PERSISTENCE_DATA_PATH": str(folder / "data"),
        "ENABLE_MODULES": "multi2vec-bind",
        "DEFAULT_VECTORIZER_MODULE": "multi2vec-bind",
        "BIND_INFERENCE_API": inference,
        "AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED": "true",
        "CLUSTER_HOSTNAME": "weaviate-0",
        "CLUSTER_ADVERTISE_ADDR": "127.0.0.1",
        "CLUSTER_GOSSIP_BIND_PORT": str(gossip),
        "CLUSTER_DATA_BIND_PORT": str(data),
        "RAFT_PORT": str(raft),
        "RAFT_INTERNAL_RPC_PORT": str(raft_rpc),
        "RAFT_BOOTSTRAP_EXPECT": "1",
        "GRPC_PORT": str(grpc),
        "DISABLE_TELEMETRY": "true",
    } | dict(more or {})
    given = {name: value for name, value in environment.items() if value is not None}
    with (folder / "weaviate.log").open("ab") as log:
        process = subprocess.Popen(
            [str(binary(program)), f"--host={host}", f"--port={port}", "--scheme=http"],
            env=os.environ | given,
            stdout=log,
            stderr=log,
        )
    try:
        yield f"{'127.0.0.1' if host == '::' else host}:{port}", process
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def is_ready(address: str) -> bool:
    """Say whether Weaviate calls itself ready."""
    try:
        return httpx.get(f"http://{address}/v1/.well-known/ready", timeout=5).is_success
    except httpx.HTTPError:
        return False
