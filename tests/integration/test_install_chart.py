"""The operator's chart over a definition that is there already, with the real Helm."""

import re
import subprocess
from collections.abc import Iterator

import pytest

from integration.apiserver import ApiServer
from integration.installation import ROOT
from support.tools import binary

CHART = ROOT / "charts/bind-operator"
CRD = "bindvectorizers.bindvectorizer.dev"
NAMESPACE = "bind-elsewhere"
PAGE = ROOT / "docs/how-to/upgrade.md"


def install(apiserver: ApiServer, *flags: str) -> subprocess.CompletedProcess[str]:
    where = [f"--kubeconfig={apiserver.kubeconfig}", f"--namespace={NAMESPACE}", "--create-namespace"]
    command = [str(binary("helm")), "upgrade", "--install", "bind-elsewhere", str(CHART), *where, *flags]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def applied_definition(apiserver: ApiServer) -> Iterator[None]:
    """The definition as `kubectl apply -f manifests/crds.yaml` leaves it, before and after."""
    yield
    helm = [str(binary("helm")), f"--kubeconfig={apiserver.kubeconfig}", f"--namespace={NAMESPACE}"]
    subprocess.run([*helm, "uninstall", "bind-elsewhere"], check=False, capture_output=True)
    for mark in ("meta.helm.sh/release-name-", "meta.helm.sh/release-namespace-", "helm.sh/resource-policy-"):
        apiserver.kubectl("annotate", "crd", CRD, mark)
    apiserver.kubectl("label", "crd", CRD, "app.kubernetes.io/managed-by-")
    apiserver.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(ROOT / "manifests/crds.yaml"))


@pytest.mark.usefixtures("applied_definition")
def test_a_definition_that_was_applied_is_taken_over_as_the_page_says(apiserver: ApiServer) -> None:
    refused = install(apiserver)
    assert refused.returncode != 0
    assert "invalid ownership metadata" in refused.stderr
    flags = re.findall(r"--(?:take-ownership|force-conflicts)", PAGE.read_text(encoding="utf-8"))
    assert flags, "the page names no flag"
    taken = install(apiserver, *dict.fromkeys(flags))
    assert taken.returncode == 0, taken.stderr
    again = install(apiserver)
    assert again.returncode == 0, again.stderr


@pytest.mark.usefixtures("applied_definition")
def test_a_definition_that_was_applied_may_stay_apart(apiserver: ApiServer) -> None:
    done = install(apiserver, "--set=crds.enabled=false")
    assert done.returncode == 0, done.stderr
