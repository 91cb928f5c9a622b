"""A fake GPU node: kwok keeps it Ready, and the scheduler takes it for real."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bind_demo.cluster.kube import Kube
from support.tools import binary
from support.waiting import until

ANNOTATION = "kwok.x-k8s.io/node"
GPU_TAINT = "nvidia.com/gpu"

READY_STAGE = """\
apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata: {name: node-is-ready}
spec:
  resourceRef: {apiGroup: v1, kind: Node}
  selector:
    matchExpressions:
    - {key: '.status.conditions.[] | select(.type == "Ready") | .status', operator: NotIn, values: ["True"]}
  next:
    patches:
    - subresource: status
      root: status
      template: |
        conditions:
        - type: Ready
          status: "True"
          reason: KwokSaysSo
          lastHeartbeatTime: {{ Now | Quote }}
          lastTransitionTime: {{ Now | Quote }}
"""
"""The node becomes Ready once and kwok renews its lease; its pods stay Pending: nothing runs them."""


@contextmanager
def fake_gpu_node(kube: Kube, name: str, folder: Path) -> Iterator[str]:
    """Yield the name of a Ready node with one GPU, tainted as GPU nodes are; gone afterwards with its pods.

    kwok manages only nodes with its annotation, so the real node is left alone. folder: for its log.
    """
    stages = folder / "stages.yaml"
    stages.write_text(READY_STAGE)
    command = [
        str(binary("kwok")),
        f"--config={stages}",
        f"--kubeconfig={kube.kubeconfig}",
        "--manage-all-nodes=false",
        f"--manage-nodes-with-annotation-selector={ANNOTATION}=fake",
        "--server-address=127.0.0.1:0",
    ]
    log = folder / "kwok.log"
    with (
        log.open("w") as out,
        subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, cwd=folder) as kwok,
    ):
        try:
            kube.run("apply", "-f", "-", stdin=json.dumps(_node(name)))
            until(lambda: _is_ready(kube, name), 30, lambda: f"node {name} is Ready; kwok: {log.read_text()}")
            yield name
        finally:
            # The node first: a Deployment would fill it again at once, and then nothing would end that pod.
            kube.run("delete", "node", name, "--ignore-not-found")
            on_it = f"--field-selector=spec.nodeName={name}"
            kube.run("delete", "pods", "-A", on_it, "--force", "--grace-period=0")
            kwok.terminate()


def _is_ready(kube: Kube, name: str) -> bool:
    conditions = kube.get("node", name).get("status", {}).get("conditions", [])
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def _node(name: str) -> dict[str, object]:
    amounts = {"cpu": "8", "memory": "32Gi", "pods": "16", "ephemeral-storage": "64Gi", "nvidia.com/gpu": "1"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": {ANNOTATION: "fake"},
            "labels": {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux"},
        },
        "spec": {"taints": [{"key": GPU_TAINT, "value": "present", "effect": "NoSchedule"}]},
        "status": {"capacity": amounts, "allocatable": amounts},
    }
