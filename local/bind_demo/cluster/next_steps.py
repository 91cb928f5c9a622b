"""The commands that a user can type next are printed at the end."""

from collections.abc import Sequence

from bind_demo.cluster.install import RELEASE
from bind_demo.cluster.kube import Kube
from bind_demo.settings import Settings


def next_steps(kube: Kube, settings: Settings) -> Sequence[str]:
    """Return the lines to print; each command can be copied as it stands."""
    namespace, name = settings.namespace, settings.name
    kubectl = "kubectl" if kube.kubeconfig else f"kubectl --context {kube.context}"
    helm = "helm" if kube.kubeconfig else f"helm --kube-context {kube.context}"
    lines = ["What to type next:"]
    if kube.kubeconfig:
        lines.append(f"  export KUBECONFIG={kube.kubeconfig} PATH=$PATH:{_folders(kube)}")
    return [
        *lines,
        f"  {kubectl} get bv -n {namespace}",
        f"  {kubectl} describe bv {name} -n {namespace}",
        f"  {kubectl} port-forward -n {namespace} svc/{name}-weaviate 8080:80        # REST and GraphQL",
        f"  {kubectl} port-forward -n {namespace} svc/{name}-weaviate-grpc 50051     # gRPC, for the clients",
        "To remove it all:",
        f"  {kubectl} delete bv {name} -n {namespace} && {kubectl} delete namespace {namespace}",
        f"  {helm} uninstall {RELEASE} -n {settings.operator_namespace}",
        *(["  make clean        # the local cluster too"] if kube.kubeconfig else []),
    ]


def _folders(kube: Kube) -> str:
    folders = [program.rpartition("/")[0] for program in (kube.kubectl, kube.helm)]
    return ":".join(dict.fromkeys(folders))
