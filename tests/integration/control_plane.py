"""A real control plane on loopback: API server, controllers and scheduler, over fake nodes that kwok keeps.

Deployments, StatefulSets, claims and evictions are those of Kubernetes; only the containers are not there. A
pod is Running and Ready as soon as it has a node, one whose image has the tag `unpullable` never is, and a
deleted pod is gone at once.
"""

import contextlib
import json
import random
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from integration.apiserver import ApiServer, running_apiserver
from integration.fake_backends import answering_pods
from integration.fake_volumes import IS_ATTACHED, attaching
from integration.installation import OPERATOR_TOKEN, OPERATOR_USER, grant_rights, install_definitions
from integration.instance import Instance
from integration.server_process import ServerProcess
from support.ports import free_ports
from support.tools import binary
from support.waiting import until

CONTROLLERS = (
    *("deployment", "replicaset", "statefulset", "daemonset", "disruption", "horizontalpodautoscaling"),
    *("namespace", "garbagecollector", "podgc", "ephemeral-volume"),
    "resourceclaim-controller",
    *("persistentvolume-binder", "persistentvolume-expander", "pvc-protection", "pv-protection"),
)
"""Those that act on what a release holds.

The node's are left out: kwok alone says how nodes are. So is that of endpoint slices, which takes no pods on
loopback and would say so, as a warning, ten times a second.
"""
STAGES = Path(__file__).with_name("kwok_stages.yaml")
STORAGE_CLASS = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {"name": "folders", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
    "provisioner": "kubernetes.io/host-path",
    "allowVolumeExpansion": True,
}
ALLOCATABLE = MappingProxyType({"cpu": "1k", "memory": "64Ti", "pods": "5k", "ephemeral-storage": "64Ti"})
START_LIMIT_S = 60.0


@dataclass(frozen=True)
class ControlPlane:
    """A running control plane, and what the operator needs to work on it."""

    server: ApiServer
    operator_kubeconfig: Path
    """It holds exactly the rights that the chart gives the operator."""
    controllers: tuple[ServerProcess, ...]

    def restart_controllers(self) -> None:
        """Start controllers, scheduler and kwok anew: after an outage they wait for up to a minute."""
        for controller in self.controllers:
            controller.stop()
            controller.start()

    def add_node(
        self,
        name: str,
        *,
        gpus: int = 0,
        allocatable: Mapping[str, str] = ALLOCATABLE,
        more_labels: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Add a fake node and wait until it is Ready. gpus: of nvidia.com/gpu."""
        amounts = dict(allocatable) | ({"nvidia.com/gpu": str(gpus)} if gpus else {})
        labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", **more_labels}
        self.server.kubectl(
            "create",
            "-f",
            "-",
            manifest={
                "apiVersion": "v1",
                "kind": "Node",
                "metadata": {"name": name, "labels": labels},
                "status": {"capacity": amounts, "allocatable": amounts},
            },
        )
        self.server.kubectl("wait", "--for=condition=Ready", f"node/{name}", f"--timeout={START_LIMIT_S:g}s")

    def instance(self, namespace: str, name: str = "search") -> Instance:
        """Return a resource, not applied yet, in a new namespace."""
        self.server.kubectl("create", "namespace", namespace)
        return Instance(self.server, name, namespace)

    def pods(self, namespace: str, component: str = "inference") -> list[Any]:
        """Return the pods of a component, oldest first."""
        selector = f"app.kubernetes.io/component={component}"
        found = self.server.get("pods", namespace=namespace, selector=selector)
        return sorted(found, key=lambda pod: (pod["metadata"]["creationTimestamp"], pod["metadata"]["name"]))


@contextlib.contextmanager
def running_control_plane(
    folder: Path,
    *,
    nodes: int = 1,
    gpus: int = 0,
    allocatable: Mapping[str, str] = ALLOCATABLE,
    one_node_volumes: bool = False,
) -> Iterator[ControlPlane]:
    """Start all of it with its files in `folder`, and stop it at the end.

    nodes: node-0, node-1 … with `gpus` GPUs and `allocatable` each. one_node_volumes: one of ReadWriteOnce is
    attached to one node at a time, as a cloud's disk is; a pod elsewhere waits with the attacher's words.
    """
    # So that two of them on one machine do not meet.
    block = random.randrange(100, 250)
    pod_ip = f"127.98.{block}.{random.randrange(1, 250)}"
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(
            running_apiserver(
                folder,
                {OPERATOR_TOKEN: OPERATOR_USER},
                service_range=f"127.{block}.0.0/16",
                without=("ServiceAccount", "TaintNodesByCondition"),
            )
        )
        kwok = _kwok(server, folder, pod_ip, one_node_volumes)
        commands = (_controller_manager(server), _scheduler(server), kwok)
        controllers = tuple(ServerProcess(command, folder) for command in commands)
        for controller in controllers:
            stack.enter_context(controller.running())
        server.kubectl("apply", "-f", "-", manifest=STORAGE_CLASS)
        install_definitions(server)
        plane = ControlPlane(server, grant_rights(server), controllers)
        for number in range(nodes):
            plane.add_node(f"node-{number}", gpus=gpus, allocatable=allocatable)
        stack.enter_context(answering_pods(server, pod_ip))
        if one_node_volumes:
            stack.enter_context(attaching(server))
        _wait_for_controllers(server)
        stack.callback(_remove_volumes, server)
        yield plane


def _controller(server: ApiServer, name: str, *flags: str) -> list[str]:
    (port,) = free_ports(1)
    return [
        str(binary(name)),
        f"--kubeconfig={server.kubeconfig}",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        f"--cert-dir={server.kubeconfig.parent}/certs",
        "--leader-elect=false",
        # The API server of the tests takes as many requests as come.
        "--kube-api-qps=500",
        "--kube-api-burst=1000",
        *flags,
    ]


def _controller_manager(server: ApiServer) -> list[str]:
    return _controller(
        server,
        "kube-controller-manager",
        f"--controllers={','.join(CONTROLLERS)}",
        "--enable-hostpath-provisioner",
        "--concurrent-deployment-syncs=20",
        "--concurrent-statefulset-syncs=20",
    )


def _scheduler(server: ApiServer) -> list[str]:
    return _controller(server, "kube-scheduler")


def _kwok(server: ApiServer, folder: Path, pod_ip: str, one_node_volumes: bool) -> list[str]:
    stages = folder / "kwok-stages.yaml"
    text = STAGES.read_text(encoding="utf-8").replace("POD_IP", pod_ip)
    stages.write_text(text.replace("IS_ATTACHED", IS_ATTACHED if one_node_volumes else '"yes"'))
    return [
        str(binary("kwok")),
        f"--config={stages}",
        f"--kubeconfig={server.kubeconfig}",
        "--manage-all-nodes",
        "--server-address=127.0.0.1:0",
        "--v=WARN",
    ]


def _wait_for_controllers(server: ApiServer) -> None:
    """Wait until a Deployment of one pod is ready, which takes all of them."""
    template = {
        "metadata": {"labels": {"app": "probe"}},
        "spec": {"containers": [{"name": "c", "image": "c"}]},
    }
    manifest = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "probe"},
        "spec": {"selector": {"matchLabels": {"app": "probe"}}, "template": template},
    }
    server.kubectl("create", "-f", "-", manifest=manifest)

    def ready() -> bool:
        deployment = server.get("deployment", "probe") or {}
        return bool(deployment.get("status", {}).get("readyReplicas"))

    until(ready, START_LIMIT_S, lambda: f"a pod runs: {json.dumps(server.get('pods'))[:3000]}", poll_s=0.2)
    server.kubectl("delete", "deployment", "probe")


def _remove_volumes(server: ApiServer) -> None:
    """Remove the empty folders that the controller made, which it does outside of the test's folder."""
    for volume in server.get("pv"):
        path = volume["spec"].get("hostPath", {}).get("path", "")
        if path.startswith("/tmp/hostpath_pv/"):
            shutil.rmtree(path, ignore_errors=True)
