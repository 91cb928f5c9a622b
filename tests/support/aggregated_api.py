"""A program beside the local cluster answers for a group of the API: what the API server needs to ask it."""

import base64
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bind_demo.cluster.kube import Kube
from bind_local import topology as net


@dataclass(frozen=True)
class AggregatedApi:
    """A version of a group, and the Service by which its program is found."""

    group: str
    version: str
    service: str
    namespace: str

    @property
    def name(self) -> str:
        """Name of the APIService."""
        return f"{self.version}.{self.group}"

    def objects(self, port: int, certificate: Path) -> Iterator[dict[str, Any]]:
        """Yield what leads to a program that listens at `port` of this machine with that certificate."""
        meta = {"name": self.service, "namespace": self.namespace}
        ports = [{"name": "https", "port": 443, "targetPort": port, "protocol": "TCP"}]
        yield {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"ports": ports}}
        yield {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {**meta, "labels": {"kubernetes.io/service-name": self.service}},
            "addressType": "IPv4",
            "ports": [{"name": "https", "port": port, "protocol": "TCP"}],
            "endpoints": [{"addresses": [net.HOST_IP], "conditions": {"ready": True}}],
        }
        yield {
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": self.name},
            "spec": {
                "service": meta,
                "group": self.group,
                "version": self.version,
                "caBundle": base64.b64encode(certificate.read_bytes()).decode(),
                "groupPriorityMinimum": 100,
                "versionPriority": 100,
            },
        }

    def make_certificate(self, folder: Path) -> Path:
        """Make tls.crt, tls.key and ca.crt in `folder` for the service and for this machine's addresses."""
        names = f"subjectAltName=IP:127.0.0.1,IP:{net.HOST_IP},DNS:{self.service}.{self.namespace}.svc"
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]
        files = ["-keyout", str(folder / "tls.key"), "-out", str(folder / "tls.crt")]
        subject = ["-subj", f"/CN={self.service}", "-addext", names]
        subprocess.run([*command, *subject, *files], check=True, capture_output=True)
        (folder / "ca.crt").write_bytes((folder / "tls.crt").read_bytes())
        return folder / "tls.crt"

    def flags(self, cluster: Kube, folder: Path, port: int) -> Sequence[str]:
        """Return the flags of such a program that all of them have. folder: with the certificate."""
        return (
            f"--bind-address={net.HOST_IP}",
            f"--secure-port={port}",
            f"--tls-cert-file={folder}/tls.crt",
            f"--tls-private-key-file={folder}/tls.key",
            f"--authentication-kubeconfig={cluster.kubeconfig}",
            f"--authorization-kubeconfig={cluster.kubeconfig}",
        )

    def is_available(self, cluster: Kube) -> bool:
        """Say whether the API server reaches the program."""
        conditions = cluster.get("apiservice", self.name).get("status", {}).get("conditions", [])
        return any(one["type"] == "Available" and one["status"] == "True" for one in conditions)
