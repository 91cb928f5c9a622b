"""Fixtures: one API server for the session, with the CRD in it."""

import contextlib
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.apiserver import ApiServer, running_apiserver, write_kubeconfig
from integration.installation import OPERATOR_TOKEN, OPERATOR_USER, grant_rights, install_definitions
from integration.instance import Instance
from integration.operator_process import OperatorProcess
from integration.snippet import World, running_world
from support.api_proxy import ApiProxy, api_proxy

TENANT_USER = "system:serviceaccount:tenant:tenant-operator"
TENANT_TOKEN = "integration-tenant"  # noqa: S105  (of a server that lives for one test run)
"""Of an operator that has rights in named namespaces only, which a test gives it."""
NAMESPACED_USER = "system:serviceaccount:bind-system:bind-operator-namespaced"
NAMESPACED_TOKEN = "integration-namespaced"  # noqa: S105


@pytest.fixture(scope="session", autouse=True)
def _helm_looks_where_the_operator_keeps_its_records() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HELM_DRIVER", "configmap")
        yield


@pytest.fixture(scope="session")
def apiserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """A real API server that knows BindVectorizer."""
    folder = tmp_path_factory.mktemp("apiserver")
    users = {OPERATOR_TOKEN: OPERATOR_USER, TENANT_TOKEN: TENANT_USER, NAMESPACED_TOKEN: NAMESPACED_USER}
    with running_apiserver(folder, users) as server:
        install_definitions(server)
        yield server


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One Weaviate and one server for all programs of docs/snippets, because their start takes seconds."""
    with running_world(tmp_path_factory.mktemp("world")) as running:
        yield running


@pytest.fixture(scope="session")
def operator_kubeconfig(apiserver: ApiServer) -> Path:
    """A kubeconfig with exactly the rights that the chart gives the operator."""
    return grant_rights(apiserver)


@pytest.fixture(scope="session")
def shared_operator(
    operator_kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OperatorProcess]:
    """One operator for the session, because a start takes seconds."""
    process = OperatorProcess(operator_kubeconfig, tmp_path_factory.mktemp("operator"))
    yield process
    process.stop()


@pytest.fixture
def operator(shared_operator: OperatorProcess) -> Iterator[OperatorProcess]:
    """A running operator, which a test may stop or kill."""
    if not shared_operator.is_running:
        shared_operator.start()
    yield from _watched(shared_operator)


@pytest.fixture
def impatient_operator(
    operator_kubeconfig: Path, shared_operator: OperatorProcess, tmp_path: Path
) -> Iterator[OperatorProcess]:
    """A running operator that gives a deletion 3 s. Two at once would get in each other's way."""
    with _operator_of_its_own(
        operator_kubeconfig, shared_operator, tmp_path, DELETE_TIMEOUT_S="3"
    ) as process:
        yield from _watched(process)


@pytest.fixture
def patient_operator(
    operator_kubeconfig: Path, shared_operator: OperatorProcess, tmp_path: Path
) -> Iterator[OperatorProcess]:
    """A running operator that waits five minutes after a failure."""
    with _operator_of_its_own(operator_kubeconfig, shared_operator, tmp_path, RETRY_BASE_S="300") as process:
        yield from _watched(process)


@pytest.fixture
def restless_operator(
    operator_kubeconfig: Path, shared_operator: OperatorProcess, tmp_path: Path
) -> Iterator[OperatorProcess]:
    """A running operator that looks at everything each second."""
    with _operator_of_its_own(operator_kubeconfig, shared_operator, tmp_path, RESYNC_S="1") as process:
        yield from _watched(process)


@pytest.fixture
def proxy(apiserver: ApiServer) -> Iterator[ApiProxy]:
    with api_proxy(apiserver.url, OPERATOR_TOKEN) as running:
        yield running


@pytest.fixture
def far_operator(
    proxy: ApiProxy, operator_kubeconfig: Path, shared_operator: OperatorProcess, tmp_path: Path
) -> Iterator[OperatorProcess]:
    """An operator behind the proxy, with no sweep that could see an edit in place of the watches."""
    shared_operator.stop()
    kubeconfig = tmp_path / "kubeconfig"
    write_kubeconfig(kubeconfig, proxy.url, OPERATOR_TOKEN)
    process = OperatorProcess(kubeconfig, tmp_path, {"SETTLE_S": "3600"})
    process.start()
    yield process
    process.stop()


@pytest.fixture
def keyed_operator(
    operator_kubeconfig: Path, shared_operator: OperatorProcess, tmp_path: Path
) -> Iterator[OperatorProcess]:
    """A running operator that has a user of its own in each Weaviate that it closes."""
    settings = {"NAMESPACE": "bind-system", "KEYS_SECRET": "bind-operator-keys"}
    with _operator_of_its_own(operator_kubeconfig, shared_operator, tmp_path, **settings) as process:
        yield from _watched(process)


@contextlib.contextmanager
def _operator_of_its_own(
    kubeconfig: Path, shared: OperatorProcess, folder: Path, **settings: str
) -> Iterator[OperatorProcess]:
    """Lend an operator with `settings` in place of the shared one."""
    shared.stop()
    process = OperatorProcess(kubeconfig, folder, settings)
    process.start()
    try:
        yield process
    finally:
        process.stop()


def _watched(process: OperatorProcess) -> Iterator[OperatorProcess]:
    """Lend `process` to a test; one in which it had a bug or lacked a right does not pass."""
    before = len(process.log())
    yield process
    log = process.log()[before:]
    assert "bug in the reconciler" not in log, log
    # A definition that goes lets nothing be made of its kind, whoever asks; that is no lack of a right.
    refused = [line for line in log.splitlines() if "answers 403" in line and "is terminating" not in line]
    assert not refused, log


_numbers = itertools.count(1)


@pytest.fixture
def instance(apiserver: ApiServer) -> Iterator[Instance]:
    """A resource in a namespace of its own, not applied yet; deleted afterwards, so that no look is lost."""
    namespace = f"it-{next(_numbers)}"
    apiserver.kubectl("create", "namespace", namespace)
    yield Instance(apiserver, "search", namespace)
    apiserver.kubectl("delete", "bv", "--all", "-n", namespace, "--wait=false")
