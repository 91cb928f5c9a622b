"""An import's way to a server: the real Weaviate and the chart's gate, each as a process before it."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx
import yaml

from bind_bench.errors import BenchError
from bind_bench.servers.process import ended_with, free_port
from bind_bench.workload.objects import SCHEMA
from bind_local.errors import LocalError
from bind_local.paths import REPO, Paths
from bind_local.programs.modules import program

if TYPE_CHECKING:
    from collections.abc import Iterator

READY_TIMEOUT_S: Final = 60.0
_DYNAMIC: Final = re.compile(r"dynamic a [^}]*}", re.DOTALL)


@contextmanager
def weaviate_before(port: int, paths: Paths) -> Iterator[int]:
    """Run Weaviate, and the gate before the server at `port`; yield the port of Weaviate's REST interface.

    It has the collection of SCHEMA. Raises BenchError if a program is not built or does not start.
    """
    try:
        helm, caddy, weaviate = (program(paths, name) for name in ("helm", "caddy", "weaviate-server"))
    except LocalError as error:
        raise BenchError(str(error), "make binaries") from error
    # The path of a socket is short, so the folder is not below the cache.
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="way-")))
        gate = free_port()
        for name, (caddyfile, limit) in _caddyfiles(helm, gate, port, folder).items():
            path = folder / name
            path.write_text(caddyfile)
            command = [caddy, "run", "--config", path, "--adapter", "caddyfile"]
            homes = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "GOMEMLIMIT": limit}
            stack.enter_context(_process(command, homes, folder / f"{name}.log"))
        rest = free_port()
        command = [weaviate, "--host=127.0.0.1", f"--port={rest}", "--scheme=http"]
        log = folder / "weaviate.log"
        process = stack.enter_context(_process(command, _weaviate_environment(folder, gate), log))
        _wait_ready(process, rest, log)
        httpx.post(f"http://127.0.0.1:{rest}/v1/schema", json=SCHEMA, timeout=20).raise_for_status()
        yield rest


def _caddyfiles(helm: Path, gate: int, server: int, folder: Path) -> dict[str, tuple[str, str]]:
    """Return the Caddyfile of each process of the gate, for this machine, and its GOMEMLIMIT."""
    ports = {"port": gate, "healthPort": free_port(), "large.healthPort": free_port()}
    values = [part for name, value in ports.items() for part in ("--set", f"gate.{name}={value}")]
    model = ("--set", "modules.multi2vec-bind.model.name=Tiny")  # no matter which: it is a licence less
    command = [str(helm), "template", "bench", str(REPO / "charts" / "weaviate-bind"), *model, *values]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"helm renders no chart: {done.stderr.strip()[-300:]}", "see charts/weaviate-bind")
    found = list(filter(None, yaml.safe_load_all(done.stdout)))
    texts = next(o for o in found if o["kind"] == "ConfigMap" and "Caddyfile" in o["data"])["data"]
    pod = next(o for o in found if o["kind"] == "StatefulSet")["spec"]["template"]["spec"]
    containers: dict[str, Any] = {one["name"]: one for one in pod["containers"] + pod["initContainers"]}
    limits = {
        name: next((e["value"] for e in containers[name]["env"] if e["name"] == "GOMEMLIMIT"), "off")
        for name in ("gate", "gate-large")
    }
    texts = {name: text.replace("unix//tmp/", f"unix/{folder}/") for name, text in texts.items()}
    # A name in DNS stands for the servers in a cluster; here there is one, at its address.
    small, number = _DYNAMIC.subn(f"to 127.0.0.1:{server}", texts["Caddyfile"])
    if number != 1:
        raise BenchError("the gate's Caddyfile does not name its servers by `dynamic a`", f"mend {__name__}")
    return {
        "Caddyfile": (small, limits["gate"]),
        "Caddyfile.large": (texts["Caddyfile.large"], limits["gate-large"]),
    }


def _weaviate_environment(folder: Path, gate: int) -> dict[str, str]:
    ports = ("CLUSTER_GOSSIP_BIND_PORT", "CLUSTER_DATA_BIND_PORT", "RAFT_PORT", "RAFT_INTERNAL_RPC_PORT",
             "GRPC_PORT")  # fmt: skip
    return {
        "PERSISTENCE_DATA_PATH": str(folder / "data"),
        "ENABLE_MODULES": "multi2vec-bind",
        "DEFAULT_VECTORIZER_MODULE": "multi2vec-bind",
        "BIND_INFERENCE_API": f"http://127.0.0.1:{gate}",
        "AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED": "true",
        "CLUSTER_HOSTNAME": "weaviate-0",
        "CLUSTER_ADVERTISE_ADDR": "127.0.0.1",
        "RAFT_BOOTSTRAP_EXPECT": "1",
        "DISABLE_TELEMETRY": "true",
        **{name: str(free_port()) for name in ports},
    }


@contextmanager
def _process(command: list[Any], variables: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as sink:
        process = subprocess.Popen(command, env=os.environ | variables, stdout=sink, stderr=sink)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + READY_TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise BenchError(f"Weaviate ended: {ended_with(log)}", "make binaries")
        try:
            if httpx.get(f"http://127.0.0.1:{port}/v1/.well-known/ready", timeout=5).is_success:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise BenchError(f"Weaviate is not ready after {READY_TIMEOUT_S:.0f} s: {ended_with(log)}", "see above")
