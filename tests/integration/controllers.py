"""The real kube-controller-manager with a few of its controllers, on the API server of the tests."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from integration.server_process import ServerProcess
from support.ports import free_ports
from support.tools import binary


@contextlib.contextmanager
def running_controllers(kubeconfig: Path, folder: Path, *names: str) -> Iterator[None]:
    """Run the controllers of these names until the end."""
    (port,) = free_ports(1)
    command = [
        str(binary("kube-controller-manager")),
        f"--kubeconfig={kubeconfig}",
        f"--controllers={','.join(names)}",
        "--leader-elect=false",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        f"--cert-dir={folder}/certs",
    ]
    with ServerProcess(command, folder).running():
        yield
