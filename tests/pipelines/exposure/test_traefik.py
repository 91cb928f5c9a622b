"""The official client reaches Weaviate by host names and TLS, through Traefik's Ingresses and its Gateway."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import certifi
import pytest

from integration.apiserver import ApiServer
from integration.instance import Instance
from integration.operator_process import OperatorProcess
from integration.weaviate_process import START_S, PlayedInference, is_ready, started_weaviate
from support.http_server import listening
from support.pages import blocks
from support.waiting import eventually, until

from .processes import ADDRESS, CERTIFICATE, CLASS, GATEWAYS, Certificate, running_traefik

HTTP, GRPC = "search.example.com", "grpc.search.example.com"
KEY = "a-key-of-this-test"
REACHED_WITHIN_S = 60
TRAEFIK_S_SCHEME = {"traefik.ingress.kubernetes.io/service.serversscheme": "h2c"}
USES_IT = """
from weaviate.classes.config import Configure, DataType, Property
with client:
    things = client.collections.create(
        sys.argv[1], properties=[Property(name="text", data_type=DataType.TEXT)],
        vector_config=Configure.Vectors.self_provided(),
    )
    with things.batch.fixed_size(batch_size=5) as batch:
        for number in range(10):
            batch.add_object({"text": f"thing number {number}"}, vector=[number, 1.0])
    assert things.batch.failed_objects == [], things.batch.failed_objects
    print(things.query.near_vector([9.0, 1.0], limit=1).objects[0].properties["text"])
"""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Certificate(tmp_path_factory.mktemp("certificate"), HTTP, GRPC)


@pytest.fixture(scope="module")
def traefik(
    apiserver: ApiServer, tmp_path_factory: pytest.TempPathFactory, certificate: Certificate
) -> Iterator[Path]:
    with running_traefik(apiserver, tmp_path_factory.mktemp("traefik"), certificate) as log:
        yield log


@pytest.fixture
def hosts(tmp_path: Path) -> Path:
    file = tmp_path / "hosts"
    file.write_text(f"127.0.0.1 localhost\n{ADDRESS} {HTTP} {GRPC}\n")
    return file


@contextmanager
def exposed(
    instance: Instance, certificate: Certificate, folder: Path, weaviate: dict[str, Any]
) -> Iterator[None]:
    """Run the real Weaviate behind the Services of a resource with `spec.weaviate`."""
    instance.kubectl("create", "-f", "-", manifest=certificate.secret(instance.namespace))
    instance.apply({"spec": {"weaviate": weaviate}})
    eventually("deployed", lambda: instance.condition("Released") == ("True", "Deployed"), within_s=60)
    service = instance.get("service", "-weaviate")["spec"]
    grpc = instance.get("service", "-weaviate-grpc")["spec"]["ports"][0]["port"]
    more = {
        "GRPC_PORT": str(grpc),
        "AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED": "false",
        "AUTHENTICATION_APIKEY_ENABLED": "true",
        "AUTHENTICATION_APIKEY_ALLOWED_KEYS": KEY,
        "AUTHENTICATION_APIKEY_USERS": "search",
    }
    at = service["clusterIP"], service["ports"][0]["port"]
    with (
        listening(PlayedInference) as inference,
        started_weaviate(folder, inference, more=more, at=at) as (address, _),
    ):
        until(lambda: is_ready(address), START_S, "Weaviate is ready")
        yield


def connect(key: str = KEY) -> str:
    """Return the program of the page, with the key."""
    (program,) = blocks("expose.md", "python")
    assert '"…"' in program
    program = program.replace('"…"', repr(key))
    return f"import sys, weaviate\nclient = {program}\n{USES_IT}"


def run(program: str, collection: str, hosts: Path, certificate: Certificate) -> tuple[bool, str]:
    """Run a program where the host names lead to Traefik; return whether it ended well, and what it said."""
    # Weaviate's client takes no authority from its environment, so it stands where certifi's are.
    script = 'mount --bind "$1" /etc/hosts && mount --bind "$2" "$3" && shift 3 && exec "$@"'
    enter = ["unshare", "--mount", "sh", "-c", script, "sh", str(hosts), str(certificate.file)]
    command = [*enter, certifi.where(), sys.executable, "-c", program, collection]
    done = subprocess.run(
        command, env=certificate.trusted(), capture_output=True, text=True, check=False, timeout=120
    )
    return done.returncode == 0, (done.stdout if done.returncode == 0 else done.stderr).strip()


def assert_used(program: str, collection: str, hosts: Path, certificate: Certificate, traefik: Path) -> None:
    """Run the program until the controller has seen the resource; it must find what it stored."""
    said = [""]

    def works() -> bool:
        good, said[0] = run(program, collection, hosts, certificate)
        return good

    until(works, REACHED_WITHIN_S, lambda: f"{said[0][-3000:]}\n{traefik.read_text()[-3000:]}")
    assert said[0].splitlines()[-1] == "thing number 9"


def test_by_ingresses(
    operator: OperatorProcess,
    instance: Instance,
    certificate: Certificate,
    traefik: Path,
    hosts: Path,
    tmp_path: Path,
) -> None:
    one = {"host": HTTP, "tlsSecretName": CERTIFICATE}
    grpc = {**one, "host": GRPC, "serviceAnnotations": TRAEFIK_S_SCHEME}
    ingress = {"className": CLASS, "http": one, "grpc": grpc}
    with exposed(instance, certificate, tmp_path, {"expose": {"ingress": ingress}}):
        endpoints = instance.status()["endpoints"]
        assert (endpoints["publicHttp"], endpoints["publicGrpc"]) == (f"https://{HTTP}", f"{GRPC}:443")
        assert_used(connect(), "Ingressed", hosts, certificate, traefik)
        good, said = run(connect("another-key"), "Other", hosts, certificate)
        assert not good
        assert "401" in said


def test_by_a_gateway(
    operator: OperatorProcess,
    instance: Instance,
    certificate: Certificate,
    traefik: Path,
    hosts: Path,
    tmp_path: Path,
) -> None:
    parent = {"name": "public", "namespace": GATEWAYS, "sectionName": "https"}
    gateway = {"parentRefs": [parent], "httpHost": HTTP, "grpcHost": GRPC}
    with exposed(instance, certificate, tmp_path, {"expose": {"gateway": gateway}}):
        endpoints = instance.status()["endpoints"]
        assert (endpoints["publicHttp"], endpoints["publicGrpc"]) == (f"https://{HTTP}", f"{GRPC}:443")
        assert_used(connect(), "Routed", hosts, certificate, traefik)
        for kind, suffix in (("httproute", "-weaviate"), ("grpcroute", "-weaviate-grpc")):
            (told,) = instance.get(kind, suffix)["status"]["parents"]
            states = {one["type"]: one["status"] for one in told["conditions"]}
            assert states == {"Accepted": "True", "ResolvedRefs": "True"}
