"""Puts into an API server what an installation of the operator's chart puts there: the CRD and the rights."""

from pathlib import Path

import yaml

from integration.apiserver import ApiServer, write_kubeconfig
from support.waiting import eventually

ROOT = Path(__file__).parents[2]
OPERATOR_USER = "system:serviceaccount:bind-system:bind-operator"
OPERATOR_TOKEN = "integration-operator"  # noqa: S105  (of a server that lives for one test run)


def install_definitions(server: ApiServer) -> None:
    """Install the CRD, and wait, because the resource is served only a moment after that."""
    server.kubectl("apply", "--server-side", "-f", str(ROOT / "manifests/crds.yaml"))

    def served() -> bool:
        return "No resources found" in server.kubectl("get", "bv", check=False)

    eventually("BindVectorizer is served", served, within_s=15)


def grant_rights(server: ApiServer) -> Path:
    """Return a kubeconfig with exactly the rights that the chart gives the operator."""
    documents = yaml.safe_load_all((ROOT / "manifests/install.yaml").read_text(encoding="utf-8"))
    kinds = ("Namespace", "ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")
    wanted = [document for document in documents if document and document["kind"] in kinds]
    server.kubectl("apply", "-f", "-", manifest={"apiVersion": "v1", "kind": "List", "items": wanted})
    path = server.kubeconfig.with_name("operator-kubeconfig")
    write_kubeconfig(path, server.url, OPERATOR_TOKEN)
    return path
