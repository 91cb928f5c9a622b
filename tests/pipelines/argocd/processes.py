"""Argo CD runs beside the local cluster: its controller and repo server, and the Redis between them."""

import json
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from bind_demo.cluster.kube import Kube
from bind_demo.errors import DemoError
from bind_local.programs.modules import ARGOCD
from integration.operator_process import ROOT
from integration.server_process import ServerProcess
from support.go_modules import definitions, sources
from support.ports import free_ports
from support.tools import binary
from support.waiting import until

NAMESPACE = "argocd"
READY_S = 90
SETTINGS = ROOT / "manifests/gitops/argocd/argocd-cm.yaml"
LABELS = {"app.kubernetes.io/part-of": "argocd"}


@contextmanager
def running_argocd(cluster: Kube, folder: Path) -> Iterator[None]:
    """Install Argo CD's definitions and settings, with ours, and run it until the block ends."""
    redis, repo, repo_metrics, metrics = free_ports(4)
    programs = folder / "bin"
    programs.mkdir()
    for name in ("helm", "kustomize"):
        (programs / name).symlink_to(binary(name))
    # Its image has this script on the path, too; a file in Go's cache of modules may not be run.
    shutil.copy(sources(ARGOCD) / "hack/git-verify-wrapper.sh", programs)
    (programs / "git-verify-wrapper.sh").chmod(0o755)
    environment = {
        "KUBECONFIG": str(cluster.kubeconfig),
        "HOME": str(folder),
        "PATH": f"{programs}:/usr/bin:/bin",
        # The controller takes the kubeconfig where it would take a pod's own account.
        "ARGOCD_FAKE_IN_CLUSTER": "true",
        "ARGOCD_GPG_ENABLED": "false",
        "ARGOCD_TLS_DATA_PATH": str(folder / "tls"),
        "ARGOCD_SSH_DATA_PATH": str(folder / "ssh"),
        "ARGOCD_APPLICATION_CONTROLLER_NAME": "argocd-application-controller",
    }
    commands = {
        "redis": [
            *("--port", str(redis), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"),
        ],
        "argocd-repo-server": [
            *("--address=127.0.0.1", f"--port={repo}", "--metrics-address=127.0.0.1"),
            *(f"--metrics-port={repo_metrics}", f"--redis=127.0.0.1:{redis}", "--disable-tls"),
            *("--client-ca-path=", "--revision-cache-expiration=1s"),
        ],
        "argocd-application-controller": [
            *(f"--namespace={NAMESPACE}", f"--repo-server=127.0.0.1:{repo}", "--repo-server-plaintext"),
            *(f"--redis=127.0.0.1:{redis}", f"--metrics-port={metrics}", "--app-resync=5"),
            "--app-resync-jitter=0",
            *("--status-processors=2", "--operation-processors=2", "--self-heal-timeout-seconds=2"),
        ],
    }
    with ExitStack() as stack:
        for file in definitions(ARGOCD, "manifests/crds"):
            if file.name != "kustomization.yaml":
                cluster.run("apply", "--server-side", "-f", str(file))
                stack.callback(cluster.run, "delete", "-f", str(file), "--ignore-not-found", "--timeout=60s")
        cluster.run("create", "namespace", NAMESPACE)
        stack.callback(cluster.run, "delete", "namespace", NAMESPACE, "--timeout=60s")
        # The API server tells of a new kind a moment after it has taken its definition.
        until(lambda: _takes(cluster, list(_settings())), READY_S, "the API server serves Argo CD's kinds")
        # As the file itself says.
        patch = ("patch", "configmap", "argocd-cm", "-n", NAMESPACE, "--type=merge")
        cluster.run(*patch, "--patch-file", str(SETTINGS))
        for name, arguments in commands.items():
            log = folder / name
            log.mkdir()
            command = _command(name, arguments, environment)
            stack.enter_context(ServerProcess(command, log).running())
        # Their finalizers are taken away by the controller.
        stack.callback(
            cluster.run, "delete", "applications.argoproj.io", "--all", "-n", NAMESPACE, "--timeout=60s"
        )
        until(lambda: _runs(folder), READY_S, lambda: f"Argo CD runs: {logs(folder)}")
        yield


def _takes(cluster: Kube, items: list[dict[str, Any]]) -> bool:
    try:
        cluster.run(
            "apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
        )
    except DemoError:
        return False
    return True


def _command(name: str, arguments: Sequence[str], environment: dict[str, str]) -> list[str]:
    if name == "redis":
        return ["redis-server", *arguments]
    of = environment | {"ARGOCD_BINARY_NAME": name}
    return ["env", *(f"{key}={value}" for key, value in of.items()), str(binary("argocd/cmd")), *arguments]


def _settings() -> Iterator[dict[str, Any]]:
    """Yield what its own installation has, as far as it is needed."""
    for name in ("argocd-cm", "argocd-rbac-cm"):
        meta = {"name": name, "namespace": NAMESPACE, "labels": LABELS}
        yield {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {}}
    meta = {"name": "argocd-secret", "namespace": NAMESPACE, "labels": LABELS}
    yield {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": meta,
        "stringData": {"server.secretkey": "of-this-test"},
    }
    anywhere = {
        "sourceRepos": ["*"],
        "destinations": [{"namespace": "*", "server": "*"}],
        "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
    }
    yield {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AppProject",
        "metadata": {"name": "default", "namespace": NAMESPACE},
        "spec": anywhere,
    }


def _runs(folder: Path) -> bool:
    said = "".join(log.read_text(errors="replace") for log in folder.glob("argocd-*/*.log"))
    return "Cluster cache informer synced" in said and "is listening on" in said


def logs(folder: Path) -> str:
    """Return the ends of what its programs have logged."""
    texts = [log.read_text(errors="replace")[-3000:] for log in sorted(folder.glob("argocd-*/*.log"))]
    return "\n".join(texts)


def health(resource: Path, folder: Path) -> tuple[str, str]:
    """Return the status and the message that Argo CD's own command finds by our script."""
    command = [str(binary("argocd/cmd")), "admin", "settings", "resource-overrides", "health", str(resource)]
    done = subprocess.run(
        [*command, f"--argocd-cm-path={SETTINGS}"],
        env={"ARGOCD_BINARY_NAME": "argocd", "HOME": str(folder), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = dict(line.split(": ", 1) for line in done.stdout.splitlines() if ": " in line)
    return lines["STATUS"], lines.get("MESSAGE", "")
