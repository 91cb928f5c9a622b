"""A mutating webhook on loopback, with a certificate of its own."""

import base64
import contextlib
import json
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from integration.apiserver import ApiServer
from support.ports import free_ports

Mutation = Callable[[Any], list[dict[str, Any]]]
"""It takes an object that is about to be written and returns the JSON patch to write it with."""


@contextlib.contextmanager
def mutating(
    server: ApiServer, namespace: str, resource: str, mutate: Mutation, folder: Path
) -> Iterator[None]:
    """Change by `mutate` what is written of `resource`, of group apps, in `namespace`.

    folder: for the certificate.
    """
    [port] = free_ports(1)
    key, certificate = folder / "webhook.key", folder / "webhook.crt"
    subject = ("-subj", "/CN=webhook", "-addext", "subjectAltName=IP:127.0.0.1")
    files = ("-keyout", str(key), "-out", str(certificate))
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", *subject, *files],
        check=True,
        capture_output=True,
    )

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["request"]
            patch = base64.b64encode(json.dumps(mutate(request["object"])).encode()).decode()
            response = {"uid": request["uid"], "allowed": True, "patchType": "JSONPatch", "patch": patch}
            body = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: object) -> None:
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listener = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    listener.socket = context.wrap_socket(listener.socket, server_side=True)
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    bundle = base64.b64encode(certificate.read_bytes()).decode()
    manifest = _configuration(namespace, resource, f"https://127.0.0.1:{port}/", bundle)
    try:
        server.kubectl("create", "-f", "-", manifest=manifest)
        yield
    finally:
        server.kubectl("delete", "mutatingwebhookconfiguration", namespace, "--ignore-not-found")
        listener.shutdown()
        listener.server_close()


def _configuration(namespace: str, resource: str, url: str, bundle: str) -> dict[str, Any]:
    webhook = {
        "name": "rewrite.example.org",
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "failurePolicy": "Fail",
        "clientConfig": {"url": url, "caBundle": bundle},
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "rules": [
            {
                "apiGroups": ["apps"],
                "apiVersions": ["v1"],
                "resources": [resource],
                "operations": ["CREATE", "UPDATE"],
            }
        ],
    }
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": namespace},
        "webhooks": [webhook],
    }
