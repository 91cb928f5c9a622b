"""The real Weaviate as a process on loopback, with a module whose server is played by the test or is real."""

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import httpx

from support.http_server import listening
from support.ports import free_ports
from support.tools import binary
from support.waiting import until

FINGERPRINT = "Tiny-float32-00000000"


class _Inference(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"model": "Tiny", "fingerprint": FINGERPRINT}).encode())


@contextlib.contextmanager
def running_weaviate(folder: Path, inference: str = "", grpc_port: int = 0) -> Iterator[str]:
    """Run Weaviate with its files in `folder`, and yield its `host:port`.

    inference: the server's URL, "" for one that is played. grpc_port: 0 takes a free one.
    """
    port, gossip, data, raft, raft_rpc, grpc = free_ports(6)
    with contextlib.ExitStack() as stack:
        url = inference or stack.enter_context(listening(_Inference))
        log = stack.enter_context((folder / "weaviate.log").open("wb"))
        environment = {
            "PERSISTENCE_DATA_PATH": str(folder / "data"),
            "ENABLE_MODULES": "multi2vec-bind",
            "DEFAULT_VECTORIZER_MODULE": "multi2vec-bind",
            "BIND_INFERENCE_API": url,
            "AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED": "true",
            "CLUSTER_HOSTNAME": "weaviate-0",
            "CLUSTER_ADVERTISE_ADDR": "127.0.0.1",
            "CLUSTER_GOSSIP_BIND_PORT": str(gossip),
            "CLUSTER_DATA_BIND_PORT": str(data),
            "RAFT_PORT": str(raft),
            "RAFT_INTERNAL_RPC_PORT": str(raft_rpc),
            "RAFT_BOOTSTRAP_EXPECT": "1",
            "GRPC_PORT": str(grpc_port or grpc),
            "DISABLE_TELEMETRY": "true",
        }
        process = subprocess.Popen(
            [str(binary("weaviate-server")), "--host=127.0.0.1", f"--port={port}", "--scheme=http"],
            env=os.environ | environment,
            stdout=log,
            stderr=log,
        )
        try:
            until(lambda: _is_ready(port), 60, "Weaviate is ready")
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/v1/.well-known/ready", timeout=5).is_success
    except httpx.HTTPError:
        return False
