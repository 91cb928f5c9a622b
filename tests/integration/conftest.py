"""Fixtures: one API server for the session, with the CRD in it."""

import contextlib
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from integration.apiserver import ApiServer, running_apiserver, write_kubeconfig
from integration.instance import Instance
from integration.operator_process import OperatorProcess
from support.waiting import eventually

ROOT = Path(__file__).parents[2]
OPERATOR_USER = "system:serviceaccount:bind-system:bind-operator"
OPERATOR_TOKEN = "integration-operator"  # noqa: S105  (of a server that lives for one test run)
NAMESPACED_USER = "system:serviceaccount:bind-system:bind-operator-namespaced"
NAMESPACED_TOKEN = "integration-namespaced"  # noqa: S105


@pytest.fixture(scope="session")
def apiserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """A real API server that knows BindVectorizer."""
    folder = tmp_path_factory.mktemp("apiserver")
    with running_apiserver(
        folder, {OPERATOR_TOKEN: OPERATOR_USER, NAMESPACED_TOKEN: NAMESPACED_USER}
    ) as server:
        server.kubectl("apply", "--server-side", "-f", str(ROOT / "manifests/crds.yaml"))
        _wait_until_served(server)
        yield server


def _wait_until_served(server: ApiServer) -> None:
    """Wait, because the resource is served only a moment after the CRD is established.

    Not by `kubectl wait`, which fails while the new CRD has no conditions yet.
    """

    def served() -> bool:
        return "No resources found" in server.kubectl("get", "bv", check=False)

    eventually("BindVectorizer is served", served, within_s=15)


@pytest.fixture(scope="session")
def operator_kubeconfig(apiserver: ApiServer) -> Path:
    """A kubeconfig with exactly the rights that the chart gives the operator."""
    documents = yaml.safe_load_all((ROOT / "manifests/install.yaml").read_text(encoding="utf-8"))
    kinds = ("Namespace", "ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")
    for document in documents:
        if document and document["kind"] in kinds:
            apiserver.kubectl("apply", "-f", "-", manifest=document)
    path = apiserver.kubeconfig.with_name("operator-kubeconfig")
    write_kubeconfig(path, apiserver.url, OPERATOR_TOKEN)
    return path


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
    assert "answers 403" not in log, log


_numbers = itertools.count(1)


@pytest.fixture
def instance(apiserver: ApiServer) -> Iterator[Instance]:
    """A resource in a namespace of its own, not applied yet; deleted afterwards, so that no look is lost."""
    namespace = f"it-{next(_numbers)}"
    apiserver.kubectl("create", "namespace", namespace)
    yield Instance(apiserver, "search", namespace)
    apiserver.kubectl("delete", "bv", "--all", "-n", namespace, "--wait=false")
