"""Installs the operator by its own chart, and applies the sample resource."""

import json
import shlex
import subprocess
from pathlib import Path

from bind_demo.cluster.images import ImageChoice
from bind_demo.cluster.kube import Kube
from bind_demo.errors import DemoError
from bind_demo.settings import ROOT

RELEASE = "bind-operator"
CHART = ROOT / "charts" / "bind-operator"
SAMPLE = ROOT / "manifests" / "samples" / "tiny.yaml"
HELM_TIMEOUT = "180s"
PENDING = f"owner=helm,name={RELEASE},status in (pending-install,pending-upgrade,pending-rollback)"
"""This selects the revision that an interrupted Helm left; it makes Helm refuse every further command."""


def install_operator(kube: Kube, namespace: str, images: ImageChoice) -> bool:
    """Install or upgrade the operator, wait for its pods, and return whether their template changed.

    Raises DemoError with what Helm printed and why which container does not run.
    """
    if kube.is_local:  # nobody else's Helm is at work there
        kube.run("delete", "secrets", "-n", namespace, "-l", PENDING)
    before = _pod_template(kube, namespace)
    where = ["--namespace", namespace, "--create-namespace"]
    wait = ["--wait", "--timeout", HELM_TIMEOUT]
    command = kube.helm_args("upgrade", "--install", RELEASE, str(CHART), *where, *wait, *images.helm_args())
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode != 0:
        what = f"helm upgrade --install {RELEASE} failed: {done.stderr.strip()}"
        message = f"{what}\n{describe_pods(kube, namespace)}".strip()
        raise DemoError(message, _remedy(kube, namespace, done.stderr))

    return _pod_template(kube, namespace) != before


def _remedy(kube: Kube, namespace: str, stderr: str) -> str:
    if "another operation" in stderr:
        unlock = shlex.join(kube.kubectl_args("delete", "secrets", "-n", namespace, "-l", PENDING))
        return f"wait for the other Helm; if it was interrupted, delete what it left and try again: {unlock}"
    logs = kube.kubectl_args("logs", "-n", namespace, f"deploy/{RELEASE}")
    return f"read the operator's log: {shlex.join(logs)}"


def _pod_template(kube: Kube, namespace: str) -> object:
    deployment = kube.get("deployment", RELEASE, "-n", namespace)
    return deployment.get("spec", {}).get("template")


def apply_sample(kube: Kube, namespace: str, file: Path = SAMPLE) -> None:
    """Apply the sample in a namespace that is made where it is missing, with Pod Security `restricted`."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels}}
    kube.run("apply", "-f", "-", stdin=json.dumps(manifest))
    kube.run("apply", "-n", namespace, "-f", str(file))


def describe_pods(kube: Kube, namespace: str) -> str:
    """Return a line for each container of a namespace that does not run, with the cluster's reason."""
    try:
        pods = kube.get("pods", "-n", namespace).get("items", [])
    except DemoError:  # it would only hide the failure that is being reported
        return ""
    lines = []
    for pod in pods:
        for status in pod.get("status", {}).get("containerStatuses") or ():
            for state in (status["state"].get("waiting"), status["state"].get("terminated")):
                if state:
                    words = f"{state.get('reason', '')}: {state.get('message', '')}"
                    lines.append(f"  pod {pod['metadata']['name']}, {status['name']}: {words}")
    return "\n".join(lines)
