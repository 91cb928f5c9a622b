"""What stories about tokens need: an API server, an operator with its own user, and an issuer on loopback."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from integration.apiserver import ApiServer
from integration.conftest import (
    _helm_looks_where_the_operator_keeps_its_records,
    apiserver,
    operator_kubeconfig,
)
from integration.instance import Instance
from integration.operator_process import OperatorProcess
from pipelines.oidc.dex import Dex, dex, running

__all__ = ["_helm_looks_where_the_operator_keeps_its_records", "apiserver", "operator_kubeconfig"]

SAMPLE = Path(__file__).parents[3] / "manifests/samples/oidc.yaml"


@pytest.fixture(scope="session")
def operator(
    operator_kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OperatorProcess]:
    """A running operator that has a user of its own in each Weaviate that it closes."""
    settings = {"NAMESPACE": "bind-system", "KEYS_SECRET": "bind-operator-keys"}
    process = OperatorProcess(operator_kubeconfig, tmp_path_factory.mktemp("operator"), settings)
    process.start()
    yield process
    process.stop()


@pytest.fixture(scope="session")
def issuer(apiserver: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dex]:
    """The issuer that the resources name."""
    listens = "--listen-client-urls="
    (etcd,) = (part for part in apiserver.etcd.command if part.startswith(listens))
    with running(dex(tmp_path_factory.mktemp("issuer"), etcd=etcd.removeprefix(listens))) as found:
        yield found


@pytest.fixture(scope="session")
def impostor(issuer: Dex, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dex]:
    """One that says it is the issuer, with the same users and clients and keys of its own."""
    with running(dex(tmp_path_factory.mktemp("impostor"), issuer.issuer)) as found:
        yield found


@pytest.fixture(scope="session")
def sample() -> dict[str, Any]:
    """`spec.weaviate.authentication` of the sample."""
    found: dict[str, Any] = yaml.safe_load(SAMPLE.read_text())["spec"]["weaviate"]["authentication"]
    return found


def in_namespace(apiserver: ApiServer, namespace: str) -> Instance:
    """Return a resource in a namespace of its own, not applied yet."""
    apiserver.kubectl("create", "namespace", namespace)
    return Instance(apiserver, "search", namespace)
