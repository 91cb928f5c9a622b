"""Fixtures: one API server for the session, with the CRD in it."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.apiserver import ApiServer, running_apiserver

ROOT = Path(__file__).parents[2]
OPERATOR_USER = "system:serviceaccount:bind-system:bind-operator"
OPERATOR_TOKEN = "integration-operator"  # noqa: S105  (of a server that lives for one test run)


@pytest.fixture(scope="session")
def apiserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """A real API server that knows BindVectorizer."""
    folder = tmp_path_factory.mktemp("apiserver")
    with running_apiserver(folder, {OPERATOR_TOKEN: OPERATOR_USER}) as server:
        server.kubectl("apply", "--server-side", "-f", str(ROOT / "manifests/crds.yaml"))
        server.kubectl("wait", "--for=condition=Established", "crd/bindvectorizers.bindvectorizer.dev")
        _wait_until_served(server)
        yield server


def _wait_until_served(server: ApiServer) -> None:
    """The resource is served a moment after the CRD is established."""
    for _ in range(50):
        if "No resources found" in server.kubectl("get", "bv", check=False):
            return
        time.sleep(0.1)
    pytest.fail("BindVectorizer is not served after 5 s", pytrace=False)
