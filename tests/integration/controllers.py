"""Controllers of the real kube-controller-manager, for tests that need pods and claims made."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

from integration.apiserver import ApiServer
from support.tools import binary

CONTROLLERS = ("statefulset-controller", "garbage-collector-controller")
"""They make the claims and pods of StatefulSets, and delete what nobody owns any more."""


@contextlib.contextmanager
def running_controllers(server: ApiServer, folder: Path) -> Iterator[None]:
    """Run the controllers against `server`; no kubelet and no scheduler come with them."""
    command = [
        str(binary("kube-controller-manager")),
        f"--kubeconfig={server.kubeconfig}",
        f"--controllers={','.join(CONTROLLERS)}",
        "--leader-elect=false",
        "--use-service-account-credentials=false",
        "--secure-port=0",
    ]
    with (folder / "kube-controller-manager.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
