"""A BindVectorizer under test, with the work that a kubelet and the controllers would do for it."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from types import MappingProxyType
from typing import Any

import yaml

from integration.apiserver import ApiServer
from support.http_server import listening
from support.resources import Manifest, merged, tiny_resource

TINY_META = {"model": "Tiny", "dimension": 32}
LABELS = {"app.kubernetes.io/name": "weaviate-bind"}


@dataclass(frozen=True)
class Instance:
    """A resource by its name, with the objects that belong to it."""

    server: ApiServer
    name: str
    namespace: str

    def manifest(self, patch: Manifest | None = None) -> Manifest:
        """Return the resource with the Tiny model, changed by `patch`."""
        return merged(tiny_resource(self.name, self.namespace), patch or {})

    def apply(self, patch: Manifest | None = None) -> None:
        """Apply the resource."""
        self.server.kubectl("apply", "-f", "-", manifest=self.manifest(patch))

    def delete(self, *, wait_s: int = 0) -> None:
        """Delete the resource, and wait for it to be gone where `wait_s` is given."""
        wait = [f"--timeout={wait_s}s"] if wait_s else ["--wait=false"]
        self.server.kubectl("delete", "bv", self.name, "-n", self.namespace, *wait)

    def get(self, kind: str = "bv", suffix: str = "") -> Any:
        """Return an object of the instance, or None."""
        return self.server.get(kind, f"{self.name}{suffix}", namespace=self.namespace)

    def status(self) -> dict[str, Any]:
        """Return the resource's status, empty if it has none."""
        return (self.get() or {}).get("status", {})

    def condition(self, type_: str = "Ready") -> tuple[str, str]:
        """Return a condition's status and reason."""
        for one in self.status().get("conditions", []):
            if one["type"] == type_:
                return one["status"], one["reason"]
        return "", ""

    def message(self, type_: str = "Ready") -> str:
        """Return a condition's message."""
        return next((c["message"] for c in self.status().get("conditions", []) if c["type"] == type_), "")

    def revisions(self) -> dict[int, str]:
        """Return the status of each revision of the Helm release."""
        selector = f"owner=helm,name={self.name}"
        labels = [s["metadata"]["labels"] for s in self._list("configmaps", selector)]
        return {int(label["version"]): label["status"] for label in labels}

    def claims(self) -> list[str]:
        """Return the names of the instance's volume claims."""
        return [claim["metadata"]["name"] for claim in self._list("pvc", self._selector())]

    def event_reasons(self) -> list[str]:
        """Return the reasons of the resource's events, oldest first."""
        events = self._list("events", "")
        own = [e for e in events if e["involvedObject"].get("name") == self.name and e.get("source")]
        own.sort(key=lambda event: event["metadata"]["name"])
        return [event["reason"] for event in own if event["source"].get("component") == "bind-operator"]

    def create_claim(self, component: str = "weaviate") -> str:
        """Create the volume claim that the StatefulSet's controller would create; return its name."""
        name = f"weaviate-data-{self.name}-weaviate-0"
        spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
        self._create("v1", "PersistentVolumeClaim", name, component, {"spec": spec})
        return name

    def create_pod(self, component: str, status: dict[str, Any], template: str = "") -> str:
        """Create a pod with `status`, as of a ReplicaSet where `template` is given; return its name."""
        name = f"{self.name}-{component}-{f'{template}-' if template else ''}pod"
        spec = {"containers": [{"name": component, "image": "x", "resources": {"limits": {"memory": "3Gi"}}}]}
        self._create("v1", "Pod", name, component, {"spec": spec}, _template_labels(template))
        self._patch_status("pod", name, status)
        return name

    def create_replica_set(self, template: str, revision: int) -> None:
        """Create the ReplicaSet that the Deployment's controller would create; it makes no pods."""
        labels = _template_labels(template)
        pod = {"spec": {"containers": [{"name": "inference", "image": "x"}]}, "metadata": {"labels": labels}}
        spec = {"replicas": 0, "selector": {"matchLabels": labels}, "template": pod}
        name = f"{self.name}-inference-{template}"
        self._create("apps/v1", "ReplicaSet", name, "inference", {"spec": spec}, labels)
        mark = f"deployment.kubernetes.io/revision={revision}"
        self.server.kubectl("annotate", "--overwrite", "replicaset", name, mark, "-n", self.namespace)

    def remove_pod(self, component: str) -> None:
        """Delete the pod that `create_pod` made."""
        name = f"{self.name}-{component}-pod"
        self.server.kubectl("delete", "pod", name, "-n", self.namespace, "--grace-period=0", "--force")

    def roll_out(self) -> None:
        """Say of both workloads that all their pods are current and ready."""
        for kind, suffix in (("statefulset", "-weaviate"), ("deployment", "-inference")):
            item = self.get(kind, suffix)
            replicas = item["spec"]["replicas"]
            counts = dict.fromkeys(
                ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), replicas
            )
            generation = {"observedGeneration": item["metadata"]["generation"]}
            self._patch_status(kind, f"{self.name}{suffix}", counts | generation)

    def _patch_status(self, kind: str, name: str, status: dict[str, Any]) -> None:
        patch = yaml.safe_dump({"status": status})
        arguments = ("-n", self.namespace, "--subresource=status", "--type=merge", "-p", patch)
        self.server.kubectl("patch", kind, name, *arguments)

    def _create(
        self,
        version: str,
        kind: str,
        name: str,
        component: str,
        rest: dict[str, Any],
        more_labels: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        labels = LABELS | {
            "app.kubernetes.io/instance": self.name,
            "app.kubernetes.io/component": component,
            **more_labels,
        }
        metadata = {"name": name, "namespace": self.namespace, "labels": labels}
        manifest = {"apiVersion": version, "kind": kind, "metadata": metadata, **rest}
        self.server.kubectl("create", "-f", "-", manifest=manifest)

    def _selector(self) -> str:
        return f"app.kubernetes.io/name=weaviate-bind,app.kubernetes.io/instance={self.name}"

    def _list(self, kind: str, selector: str) -> list[Any]:
        items: list[Any] = self.server.get(kind, namespace=self.namespace, selector=selector)
        return items


def _template_labels(template: str) -> dict[str, str]:
    return {"pod-template-hash": template} if template else {}


@contextlib.contextmanager
def answering(address: str, port: int, path: str, body: object) -> Iterator[None]:
    """Answer GET `path` at `address` (of loopback) with `body` as JSON, and 404 elsewhere."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(HTTPStatus.OK if self.path == path else HTTPStatus.NOT_FOUND)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

    with listening(Handler, address, port):
        yield
