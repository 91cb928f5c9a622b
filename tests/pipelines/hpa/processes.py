"""metrics-server runs beside the local cluster, asks its kubelet, and answers for metrics.k8s.io."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bind_demo.cluster.kube import Kube
from bind_local import topology as net
from integration.server_process import ServerProcess
from support.aggregated_api import AggregatedApi
from support.ports import free_ports
from support.tools import binary
from support.waiting import until

METRICS = AggregatedApi("metrics.k8s.io", "v1beta1", "metrics-server", "kube-system")
READY_S = 60


@contextmanager
def running_metrics_server(cluster: Kube, folder: Path) -> Iterator[None]:
    """Run it until the block ends; then it is gone again."""
    (port,) = free_ports(1, net.HOST_IP)
    objects = [*METRICS.objects(port, METRICS.make_certificate(folder))]
    command = [
        str(binary("metrics-server")),
        *METRICS.flags(cluster, folder, port),
        f"--kubeconfig={cluster.kubeconfig}",
        "--metric-resolution=10s",  # the shortest it takes
        "--kubelet-request-timeout=5s",
        # The node's name is in no DNS, and kubelet signed its own certificate.
        "--kubelet-preferred-address-types=InternalIP",
        "--kubelet-insecure-tls",
    ]
    process = ServerProcess(command, folder)
    with ExitStack() as stack:
        manifest = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
        cluster.run("apply", "-f", "-", stdin=manifest)
        stack.callback(cluster.run, "delete", "--ignore-not-found", "-f", "-", stdin=manifest)
        stack.enter_context(process.running())
        until(
            lambda: METRICS.is_available(cluster),
            READY_S,
            lambda: f"metrics-server runs: {process.log_file.read_text(errors='replace')[-3000:]}",
        )
        yield
