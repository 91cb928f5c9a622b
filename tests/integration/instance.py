"""A BindVectorizer under test, with the work that a kubelet and the controllers would do for it."""

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from types import MappingProxyType
from typing import Any

import yaml

from integration.apiserver import ApiServer
from support.http_server import listening
from support.resources import Manifest, merged, tiny_resource

TINY_META = {"model": "Tiny", "dimension": 32, "fingerprint": "Tiny-test-1"}
TINY_VECTORS = {"textVectors": [[1.0, 2.0] * 16], "imageVectors": [[3.0, -1.0] * 16]}
GATE_IP = "127.96.0.2"
"""The gate answers there, beside Weaviate in its pod."""
GATE_PORT = 8182
WORKLOADS = (("statefulset", "-weaviate"), ("deployment", "-inference"), ("deployment", "-gate"))
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

    def kubectl(self, *arguments: str, manifest: object = None) -> str:
        """Run kubectl in the instance's namespace and return what it prints."""
        return self.server.kubectl(*arguments, "-n", self.namespace, manifest=manifest)

    def event_reasons(self) -> list[str]:
        """Return the reasons of the resource's events, oldest first."""
        return [event["reason"] for event in self._events()]

    def event_messages(self, reason: str) -> list[str]:
        """Return the messages of the resource's events of one reason, oldest first."""
        return [event["message"] for event in self._events() if event["reason"] == reason]

    def _events(self) -> list[Any]:
        events = self._list("events", "")
        own = [e for e in events if e["involvedObject"].get("name") == self.name and e.get("source")]
        own.sort(key=lambda event: event["metadata"]["name"])
        return [event for event in own if event["source"].get("component") == "bind-operator"]

    def create_claim(self, size: str = "1Gi", storage_class: str = "", number: int = 0) -> str:
        """Create the volume claim that the StatefulSet's controller would create; return its name.

        storage_class: one of `create_class`; the claim is then bound, as a provisioner would bind it.
        """
        name = f"weaviate-data-{self.name}-weaviate-{number}"
        spec: dict[str, Any] = {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": size}},
        }
        if storage_class:
            spec |= {"storageClassName": storage_class, "volumeName": f"pv-{self.namespace}-{number}"}
        self._create("v1", "PersistentVolumeClaim", name, "weaviate", {"spec": spec})
        if storage_class:
            bound = {"phase": "Bound", "accessModes": ["ReadWriteOnce"], "capacity": {"storage": size}}
            self._patch_status("pvc", name, bound)
        return name

    def create_class(self, name: str, *, expands: bool) -> None:
        """Create a StorageClass, if it is not there yet."""
        manifest = {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": name},
            "provisioner": "example.org/none",
            "allowVolumeExpansion": expands,
        }
        self.server.kubectl("apply", "-f", "-", manifest=manifest)

    def accept(self, token: str) -> None:
        """Accept the change of that token."""
        mark = f"bindvectorizer.dev/accept={token}"
        self.server.kubectl("annotate", "--overwrite", "bv", self.name, mark, "-n", self.namespace)

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

    def create_event(self, kind: str, name: str, reason: str, message: str, *, warning: bool = True) -> None:
        """Record an event at an object, as the kubelet or a controller would."""
        about = self.server.get(kind.lower(), name, namespace=self.namespace)
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"{name}.{time.time_ns():x}", "namespace": self.namespace},
            "involvedObject": {
                "apiVersion": about["apiVersion"],
                "kind": kind,
                "name": name,
                "namespace": self.namespace,
                "uid": about["metadata"]["uid"],
            },
            "reason": reason,
            "message": message,
            "type": "Warning" if warning else "Normal",
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }
        self.server.kubectl("create", "-f", "-", manifest=event)

    def create_weaviate_pod(self, container: str = "1") -> None:
        """Create a ready pod of Weaviate, whose gate is at GATE_IP. container: the id of its container."""
        containers = [
            {
                "name": "weaviate",
                "containerID": f"containerd://{container}",
                "ready": True,
                "restartCount": 0,
                "image": "x",
                "imageID": "",
            }
        ]
        conditions = [{"type": "Ready", "status": "True"}]
        address = {"podIP": GATE_IP, "podIPs": [{"ip": GATE_IP}]}
        rest = {"phase": "Running", "conditions": conditions, "containerStatuses": containers}
        self.create_pod("weaviate", address | rest)

    def remove_pod(self, component: str) -> None:
        """Delete the pod that `create_pod` made."""
        name = f"{self.name}-{component}-pod"
        self.server.kubectl("delete", "pod", name, "-n", self.namespace, "--grace-period=0", "--force")

    def roll_out(self, *kinds: str, ready: int | None = None) -> None:
        """Say of all workloads, or of those of `kinds`, that all their pods are current and ready.

        ready: so many are at most.
        """
        for kind, suffix in WORKLOADS:
            if kinds and kind not in kinds:
                continue
            item = self.get(kind, suffix)
            if item is None and (suffix == "-gate" or self.get("deployment", "-gate")):
                continue
            replicas = item["spec"]["replicas"]
            counts = dict.fromkeys(
                ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), replicas
            )
            if ready is not None:
                counts |= dict.fromkeys(("readyReplicas", "availableReplicas"), min(ready, replicas))
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


@dataclass
class LiveAnswers:
    """Weaviate and its gate answer so; a test may change it meanwhile."""

    entry: Any = field(default_factory=lambda: dict(TINY_META))
    """Weaviate's metadata shows this of the module."""
    vectors: Any = field(default_factory=lambda: dict(TINY_VECTORS))
    """The gate answers this to GET /verify."""
    status: int = HTTPStatus.OK
    """The gate's status."""
    metrics: str = ""
    """The gate answers this to GET /metrics."""
    asked: list[str] = field(default_factory=list)
    """The paths that were asked for."""


@contextlib.contextmanager
def answering_checks(instance: Instance, *, pod: bool = True) -> Iterator[LiveAnswers]:
    """Answer the live check of an installed `instance` as a working system does; also make Weaviate's pod."""
    if pod:
        instance.create_weaviate_pod()
    service = instance.get("service", "-weaviate")["spec"]
    live = LiveAnswers()
    weaviate = answering(
        service["clusterIP"],
        service["ports"][0]["port"],
        live.asked,
        {"/v1/meta": lambda: (HTTPStatus.OK, {"modules": {"multi2vec-bind": live.entry}})},
    )
    of_gate: dict[str, Callable[[], tuple[int, object]]] = {
        "/verify": lambda: (live.status, live.vectors),
        "/metrics": lambda: (HTTPStatus.OK, live.metrics.encode()),
    }
    gate = answering(GATE_IP, GATE_PORT, live.asked, of_gate)
    with weaviate, gate:
        yield live


@contextlib.contextmanager
def answering(
    address: str, port: int, asked: list[str], answers: Mapping[str, Callable[[], tuple[int, object]]]
) -> Iterator[None]:
    """Answer at `address` (of loopback) GET of each path with a status and JSON or bytes; 404 elsewhere."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            status, body = answers.get(self.path, lambda: (HTTPStatus.NOT_FOUND, None))()
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body if isinstance(body, bytes) else json.dumps(body).encode())

    with listening(Handler, address, port):
        yield
