"""KEDA's two programs run beside the local cluster, and its API server finds the metrics of one of them."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from bind_demo.cluster.kube import Kube
from bind_local import topology as net
from bind_local.programs.modules import KEDA
from integration.server_process import ServerProcess
from support.aggregated_api import AggregatedApi
from support.go_modules import definitions
from support.ports import free_ports
from support.tools import binary
from support.waiting import until

NAMESPACE = "keda"
METRICS = AggregatedApi("external.metrics.k8s.io", "v1beta1", "keda-metrics-apiserver", NAMESPACE)
READY_S = 60


@contextmanager
def running_keda(cluster: Kube, folder: Path) -> Iterator[None]:
    """Install KEDA's definitions and run it until the block ends; then all of it is gone again."""
    health, metrics, grpc, adapter_metrics = free_ports(4)
    (secure,) = free_ports(1, net.HOST_IP)
    certificate = METRICS.make_certificate(folder)
    objects = [*_objects(secure, certificate)]
    environment = {
        "KUBECONFIG": str(cluster.kubeconfig),
        "POD_NAMESPACE": NAMESPACE,
        "KEDA_CLUSTER_OBJECT_NAMESPACE": NAMESPACE,
        "WATCH_NAMESPACE": "",
    }
    operator = [
        *("env", *(f"{name}={value}" for name, value in environment.items())),
        str(binary("keda/operator")),
        f"--health-probe-bind-address=127.0.0.1:{health}",
        f"--metrics-bind-address=127.0.0.1:{metrics}",
        f"--metrics-service-bind-address=127.0.0.1:{grpc}",
        f"--cert-dir={folder}",
    ]
    adapter = [
        *("env", *(f"{name}={value}" for name, value in environment.items())),
        str(binary("keda/adapter")),
        *METRICS.flags(cluster, folder, secure),
        f"--port={adapter_metrics}",
        f"--cert-dir={folder}",
        f"--metrics-service-address=127.0.0.1:{grpc}",
        f"--lister-kubeconfig={cluster.kubeconfig}",
    ]
    with ExitStack() as stack:
        manifest = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
        for definition in definitions(KEDA, "config/crd/bases"):
            cluster.run("apply", "--server-side", "-f", str(definition))
            stack.callback(cluster.run, "delete", "-f", str(definition), "--ignore-not-found")
        cluster.run("create", "namespace", NAMESPACE)
        stack.callback(cluster.run, "delete", "namespace", NAMESPACE)
        cluster.run("apply", "-f", "-", stdin=manifest)
        stack.callback(cluster.run, "delete", "--ignore-not-found", "-f", "-", stdin=manifest)
        for name, command in (("operator", operator), ("adapter", adapter)):
            log = folder / name
            log.mkdir()
            stack.enter_context(ServerProcess(command, log).running())
        until(lambda: METRICS.is_available(cluster), READY_S, lambda: f"KEDA runs: {_logs(folder)}")
        yield


def _objects(port: int, certificate: Path) -> Iterator[dict[str, Any]]:
    """Yield what makes the API server ask the adapter, and lets the autoscalers' controller do so."""
    yield from METRICS.objects(port, certificate)
    name = "keda-external-metrics-reader"
    rule = {"apiGroups": ["external.metrics.k8s.io"], "resources": ["*"], "verbs": ["get", "list"]}
    rbac = "rbac.authorization.k8s.io"
    role = {"apiVersion": f"{rbac}/v1", "kind": "ClusterRole", "metadata": {"name": name}, "rules": [rule]}
    yield role
    yield {
        "apiVersion": f"{rbac}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": name},
        "subjects": [
            {"kind": "ServiceAccount", "name": "horizontal-pod-autoscaler", "namespace": "kube-system"}
        ],
    }


def _logs(folder: Path) -> str:
    texts = [log.read_text(errors="replace")[-2000:] for log in sorted(folder.glob("*/*.log"))]
    return "\n".join(texts)
