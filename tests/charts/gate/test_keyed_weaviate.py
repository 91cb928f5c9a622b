"""The live check of a real Weaviate that wants a key: the gate beside it has one, the operator has none."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from bind_operator.api.model import ModelName
from bind_operator.cluster.verification import Asker, Target
from bind_operator.policy.facts import Verification
from bind_operator.policy.verification import Expected
from bind_operator.reasons import Reason
from support.charts import containers, env, pick, render
from support.ports import free_ports
from support.tools import binary
from support.waiting import until

from .conftest import Gate, running_gate, serve_tiny

ASKER = Asker(timeout_s=3.0, embedding_timeout_s=30.0)
KEYS = {"admin": "admin-key-0123456789", "read-only": "reader-key-0123456789"}
VALUES = (
    "--set=authentication.anonymous_access.enabled=false",
    "--set=authentication.apikey.enabled=true",
    "--set=authentication.apikey.existingSecret=keys",
    "--set=authorization.admin_list.enabled=true",
    "--set=authorization.admin_list.users={admin}",
    "--set=authorization.admin_list.read_only_users={read-only}",
    "--set=gate.weaviate.apiKey.existingSecret=keys",
    "--set=gate.weaviate.apiKey.key=read-only",
)
PORTS = (
    "GRPC_PORT", "CLUSTER_GOSSIP_BIND_PORT", "CLUSTER_DATA_BIND_PORT", "RAFT_PORT", "RAFT_INTERNAL_RPC_PORT",
)  # fmt: skip


def rendered_access() -> dict[str, str]:
    """Return what the chart tells Weaviate of who may ask it, with what Kubernetes puts in."""
    manifests = render("weaviate-bind", "--set=modules.multi2vec-bind.model.name=Tiny", *VALUES)
    spec = pick(manifests, "StatefulSet")["spec"]["template"]["spec"]
    found = env(containers(spec)["weaviate"])
    access = {name: value for name, value in found.items() if name.startswith("AUTH")}
    for number, entry in enumerate(KEYS):
        assert found[f"WEAVIATE_API_KEY_{number}"]["secretKeyRef"]["key"] == entry
        allowed = access["AUTHENTICATION_APIKEY_ALLOWED_KEYS"]
        access["AUTHENTICATION_APIKEY_ALLOWED_KEYS"] = allowed.replace(
            f"$(WEAVIATE_API_KEY_{number})", KEYS[entry]
        )
    return access


@contextmanager
def running_weaviate(folder: Path, port: int, gate: Gate) -> Iterator[str]:
    settings = {
        "PERSISTENCE_DATA_PATH": str(folder),
        "ENABLE_MODULES": "multi2vec-bind",
        "BIND_INFERENCE_API": gate.url,
        "CLUSTER_HOSTNAME": "node",
        "CLUSTER_ADVERTISE_ADDR": "127.0.0.1",
        "DISABLE_TELEMETRY": "true",
        "GO_PROFILING_DISABLE": "true",
        "LOG_LEVEL": "error",
    }
    settings |= dict(zip(PORTS, map(str, free_ports(len(PORTS))), strict=True)) | rendered_access()
    listen = ("--host", "127.0.0.1", "--port", str(port), "--scheme", "http")
    process = subprocess.Popen([binary("weaviate-server"), *listen], env=os.environ | settings)
    url = f"http://127.0.0.1:{port}"
    try:
        until(lambda: _status(f"{url}/v1/.well-known/live") == 200, 120, "Weaviate serves")
        yield url
    finally:
        process.kill()
        process.wait()


def _status(url: str, key: str = "") -> int:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        return httpx.get(url, headers=headers, timeout=5).status_code
    except httpx.TransportError:
        return 0


def makes_a_class(url: str, key: str) -> int:
    """Return with which status somebody with a key makes a collection."""
    made, headers = {"class": "Made", "vectorizer": "none"}, {"Authorization": f"Bearer {key}"}
    return httpx.post(f"{url}/v1/schema", json=made, headers=headers, timeout=20).status_code


async def check(gate: Gate, url: str) -> Verification:
    expected = Expected(ModelName.TINY, key="the entry read-only of the Secret keys")
    return await ASKER.ask(Target(url, gate.health_url, expected, f"{gate.health_url}/weaviate"))


async def test_the_gate_s_key_lets_the_live_check_in(tmp_path: Path) -> None:
    """The values are those of the operator; the key comes, is taken, and is replaced by a wrong one."""
    key, (port,) = tmp_path / "key", free_ports(1)
    paths = {"/etc/weaviate-api-key/key": str(key), "http://127.0.0.1:8080": f"http://127.0.0.1:{port}"}
    with running_gate(VALUES, paths) as gate:
        serve_tiny(gate, "127.0.0.2")
        with running_weaviate(tmp_path / "data", port, gate) as url:
            assert _status(f"{url}/v1/meta") == 401
            assert (await check(gate, url)).reason is Reason.WEAVIATE_KEY_MISSING
            key.write_text(KEYS["read-only"])
            found = await check(gate, url)
            assert (found.holds, found.reason) == (True, Reason.VERIFIED), found.message
            key.write_text("a-key-of-before-0123")
            assert (await check(gate, url)).reason is Reason.WEAVIATE_KEY_REFUSED
            assert {user: makes_a_class(url, one) for user, one in reversed(KEYS.items())} == {
                "read-only": 403,
                "admin": 200,
            }
            assert _status(f"{url}/v1/schema", KEYS["read-only"]) == 200
