"""The definitions of the Gateway API, of the Go module that its makers publish."""

import contextlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

from integration.apiserver import ApiServer

MODULE = "sigs.k8s.io/gateway-api@v1.4.1"
SUM = "h1:NPxFutNkKNa8UfLd2CMlEuhIPMQgDQ6DXNKG9sHbJU8="
KINDS = ("httproutes", "grpcroutes")


def definitions() -> list[Path]:
    """Return the files of the kinds that the chart makes, downloaded where they are not there yet."""
    command = ["go", "mod", "download", "-json", MODULE]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert found["Sum"] == SUM
    folder = Path(found["Dir"], "config", "crd", "standard")
    return [folder / f"gateway.networking.k8s.io_{kind}.yaml" for kind in KINDS]


@contextlib.contextmanager
def serving_gateway_api(server: ApiServer) -> Iterator[None]:
    """Let the API server know the kinds of the Gateway API until the block ends."""
    files = definitions()
    try:
        for file in files:
            server.kubectl("create", "-f", str(file))
        names = [f"crd/{kind}.gateway.networking.k8s.io" for kind in KINDS]
        server.kubectl("wait", "--for=condition=Established", *names, "--timeout=30s")
        yield
    finally:
        for file in files:
            server.kubectl("delete", "-f", str(file), "--ignore-not-found")
