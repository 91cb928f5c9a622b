"""Traefik runs beside an API server, as its ingress controller and as the one of its Gateways."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from integration.apiserver import ApiServer
from integration.gateway_api import definitions
from integration.server_process import ServerProcess
from support.tools import binary

ADDRESS = "127.80.0.1"
"""Where it listens: loopback, at the ports that addresses without a port mean."""
KINDS = ("gateways", "gatewayclasses", "httproutes", "grpcroutes")
CLASS, CONTROLLER = "traefik", "traefik.io"
GATEWAYS = "gateways"
CERTIFICATE = "search-tls"
"""The name that the pages give the Secret of the certificate."""


@contextmanager
def running_traefik(server: ApiServer, folder: Path, certificate: "Certificate") -> Iterator[Path]:
    """Run it, with its classes and a Gateway, until the block ends; yield its log."""
    objects = {"apiVersion": "v1", "kind": "List", "items": list(_objects(certificate))}
    command = [
        *("env", f"KUBECONFIG={server.kubeconfig}"),
        str(binary("traefik")),
        f"--entrypoints.web.address={ADDRESS}:80",
        f"--entrypoints.websecure.address={ADDRESS}:443",
        "--entrypoints.websecure.http.tls=true",
        f"--providers.kubernetesingress.ingressclass={CLASS}",
        # No kubelet and no controller: the Services have addresses, and no endpoints.
        "--providers.kubernetesingress.nativelbbydefault=true",
        "--providers.kubernetesgateway.nativelbbydefault=true",
        f"--providers.kubernetesingress.ingressendpoint.ip={ADDRESS}",
        f"--providers.kubernetesgateway.statusaddress.ip={ADDRESS}",
        "--global.checknewversion=false",
        "--global.sendanonymoususage=false",
        "--log.level=INFO",
    ]
    process = ServerProcess(command, folder)
    with ExitStack() as stack:
        for definition in all_definitions():
            server.kubectl("create", "-f", str(definition))
        server.kubectl("create", "namespace", GATEWAYS)
        names = [f"crd/{kind}.gateway.networking.k8s.io" for kind in KINDS]
        server.kubectl("wait", "--for=condition=Established", *names, "--timeout=30s")
        server.kubectl("create", "-f", "-", manifest=objects)
        stack.enter_context(process.running())
        yield process.log_file


def all_definitions() -> list[Path]:
    """Return the files of the Gateway API's standard channel, which a controller wants whole."""
    return sorted(definitions()[0].parent.glob("*.yaml"))


class Certificate:
    """A certificate of its own for some host names, and where clients find it."""

    def __init__(self, folder: Path, *hosts: str) -> None:
        self.file, self.key = folder / "tls.crt", folder / "tls.key"
        names = "subjectAltName=" + ",".join(f"DNS:{host}" for host in hosts)
        made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=test"]
        files = ["-keyout", str(self.key), "-out", str(self.file), "-addext", names]
        subprocess.run([*made, *files], check=True, capture_output=True)

    def secret(self, namespace: str) -> dict[str, Any]:
        """Return the Secret that holds it."""
        data = {"tls.crt": self.file.read_text(), "tls.key": self.key.read_text()}
        meta = {"name": CERTIFICATE, "namespace": namespace}
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": meta,
            "type": "kubernetes.io/tls",
            "stringData": data,
        }

    def trusted(self) -> dict[str, str]:
        """Return the environment of a client of gRPC that takes it for an authority's."""
        return {**os.environ, "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(self.file)}


def _objects(certificate: Certificate) -> Iterator[dict[str, Any]]:
    """Yield the classes, and the Gateway with its certificate, which takes routes of every namespace."""
    yield {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IngressClass",
        "metadata": {"name": CLASS},
        "spec": {"controller": f"{CONTROLLER}/ingress-controller"},
    }
    yield certificate.secret(GATEWAYS)
    api = "gateway.networking.k8s.io/v1"
    controller = f"{CONTROLLER}/gateway-controller"
    meta: dict[str, Any] = {"name": CLASS}
    yield {
        "apiVersion": api,
        "kind": "GatewayClass",
        "metadata": meta,
        "spec": {"controllerName": controller},
    }
    listener = {
        "name": "https",
        "port": 443,
        "protocol": "HTTPS",
        "tls": {"mode": "Terminate", "certificateRefs": [{"name": CERTIFICATE}]},
        "allowedRoutes": {"namespaces": {"from": "All"}},
    }
    meta = {"name": "public", "namespace": GATEWAYS}
    spec = {"gatewayClassName": CLASS, "listeners": [listener]}
    yield {"apiVersion": api, "kind": "Gateway", "metadata": meta, "spec": spec}
