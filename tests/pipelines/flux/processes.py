"""Flux's source-controller and kustomize-controller run beside the local cluster."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bind_demo.cluster.kube import Kube
from bind_local.programs.modules import FLUX
from integration.server_process import ServerProcess
from support.go_modules import definitions
from support.ports import free_ports
from support.tools import binary
from support.waiting import until

NAMESPACE = "flux-system"
READY_S = 60
KINDS = "kustomizations.kustomize.toolkit.fluxcd.io,gitrepositories.source.toolkit.fluxcd.io"


@contextmanager
def running_flux(cluster: Kube, folder: Path) -> Iterator[None]:
    """Install Flux's definitions and run its two controllers until the block ends; then all of it is gone."""
    storage, *ports = free_ports(5)
    files = [file for module in FLUX for file in definitions(module, "config/crd/bases")]
    with ExitStack() as stack:
        for file in files:
            cluster.run("apply", "--server-side", "-f", str(file))
            stack.callback(cluster.run, "delete", "-f", str(file), "--ignore-not-found", "--timeout=60s")
        cluster.run("create", "namespace", NAMESPACE)
        stack.callback(cluster.run, "delete", "namespace", NAMESPACE, "--timeout=60s")
        (folder / "artifacts").mkdir()
        own = {
            "source-controller": (
                f"--storage-path={folder}/artifacts",
                f"--storage-addr=127.0.0.1:{storage}",
                f"--storage-adv-addr=127.0.0.1:{storage}",
            ),
            "kustomize-controller": ("--requeue-dependency=2s", "--no-cross-namespace-refs=true"),
        }
        for name, arguments in own.items():
            health, metrics = ports.pop(), ports.pop()
            log = folder / name
            log.mkdir()
            command = [
                *("env", f"KUBECONFIG={cluster.kubeconfig}", f"RUNTIME_NAMESPACE={NAMESPACE}"),
                *(f"HOME={log}", str(binary(name)), *arguments),
                *("--watch-all-namespaces", "--events-addr=", "--log-level=info"),
                *(f"--health-addr=127.0.0.1:{health}", f"--metrics-addr=127.0.0.1:{metrics}"),
            ]
            stack.enter_context(ServerProcess(command, log).running())
        # Their finalizers are taken away by the controllers.
        stack.callback(cluster.run, "delete", KINDS, "--all", "-n", NAMESPACE, "--timeout=60s")
        until(lambda: _watches(folder), READY_S, lambda: f"Flux runs: {logs(folder)}")
        yield


def _watches(folder: Path) -> bool:
    texts = [log.read_text(errors="replace") for log in folder.glob("*-controller/*.log")]
    return len(texts) == len(FLUX) and all("Starting workers" in text for text in texts)


def logs(folder: Path) -> str:
    """Return the ends of what both have logged."""
    texts = [log.read_text(errors="replace")[-2000:] for log in sorted(folder.glob("*-controller/*.log"))]
    return "\n".join(texts)
