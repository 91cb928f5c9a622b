"""A story on the local cluster has a namespace of its own; this is what its tests can do in it."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import weaviate

from bind_demo.client.endpoint import Endpoint
from bind_demo.cluster.kube import Kube
from bind_demo.cluster.wait import Condition, View, view_of
from support.waiting import until

READY_TIMEOUT_S = 180
"""An install of Weaviate and one Tiny pod takes 20 to 40 s on two free cores."""

KIND = "bindvectorizers.bindvectorizer.dev"
LABELS = {"pod-security.kubernetes.io/enforce": "restricted"}

Object = dict[str, Any]


@dataclass(frozen=True)
class Story:
    """A namespace and a folder of fixtures; every wait has a bound, and a failure shows the conditions."""

    kube: Kube
    namespace: str
    fixtures: Path

    def open(self) -> None:
        """Make the namespace, with Pod Security `restricted`, after clearing one that an ended run left."""
        self.close()
        metadata = {"name": self.namespace, "labels": LABELS}
        manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
        self.kube.run("create", "-f", "-", stdin=json.dumps(manifest))

    def close(self) -> None:
        """Delete the resources, then the namespace, and wait until it is gone."""
        if self.kube.get("namespace", self.namespace):
            self.kubectl("delete", KIND, "--all", "--wait=true", "--timeout=110s")
            self.kube.run("delete", "namespace", self.namespace, "--wait=true", "--timeout=110s")

    def kubectl(self, *args: str) -> str:
        """Run kubectl in the namespace."""
        return self.kube.run(*args, "-n", self.namespace)

    def apply(self, file: str) -> None:
        """Apply a file of the story's fixtures."""
        self.kubectl("apply", "-f", str(self.fixtures / file))

    def patch(self, name: str, spec: Object) -> None:
        """Merge into the spec of a resource."""
        self.kubectl("patch", KIND, name, "--type=merge", "-p", json.dumps({"spec": spec}))

    def accept_change(self, name: str) -> None:
        """Wait until the newest spec needs consent, and give it as the message says."""
        self.wait_reason(name, "ChangeNeedsConsent", 30)
        message = self.condition(name, "ChangesAccepted").message
        mark = next(
            word for word in re.split(r"[\s;]+", message) if word.startswith("bindvectorizer.dev/accept=")
        )
        self.kubectl("annotate", "--overwrite", KIND, name, mark)

    def resource(self, name: str) -> Object:
        """Return a BindVectorizer, {} when it is gone."""
        return self.kube.get(KIND, name, "-n", self.namespace)

    def condition(self, name: str, type_: str = "Ready") -> Condition:
        """Return a condition for the newest spec; one of status "" while there is none."""
        view = view_of(self.resource(name))
        found = [c for c in view.conditions if c.type == type_ and view.current]
        return found[0] if found else Condition(type_, "", "", "")

    def wait_ready(self, name: str, timeout_s: float = READY_TIMEOUT_S) -> Object:
        """Wait until the resource is Ready for its newest spec, and return it."""

        def ready() -> Object | None:
            resource = self.resource(name)
            return resource if view_of(resource).is_true("Ready") else None

        return until(
            ready, timeout_s, lambda: f"{name} is Ready; its conditions: {self.conditions_line(name)}"
        )

    def wait_reason(self, name: str, reason: str, timeout_s: float) -> Condition:
        """Wait until Ready has a reason for the newest spec, and return the condition."""

        def reached() -> Condition | None:
            condition = self.condition(name)
            return condition if condition.reason == reason else None

        return until(
            reached, timeout_s, lambda: f"{name} is {reason}; its conditions: {self.conditions_line(name)}"
        )

    def wait_gone(self, kind: str, name: str, timeout_s: float = 60) -> None:
        """Wait until an object is gone."""
        until(
            lambda: not self.kube.get(kind, name, "-n", self.namespace), timeout_s, f"{kind} {name} is gone"
        )

    def conditions_line(self, name: str) -> str:
        """Return the resource's conditions in one line."""
        view: View = view_of(self.resource(name))
        return "; ".join(f"{c.type}={c.status} {c.reason}: {c.message}" for c in view.conditions) or "nothing"

    def pods(self, name: str, component: str, *, ending: bool = False) -> list[Object]:
        """Return the pods of a component (weaviate, inference); ending: those being deleted, too."""
        selector = f"app.kubernetes.io/instance={name},app.kubernetes.io/component={component}"
        items = self.kube.get("pods", "-n", self.namespace, "-l", selector).get("items", [])
        return [pod for pod in items if ending or "deletionTimestamp" not in pod["metadata"]]

    def wait_no_pod(self, name: str, component: str, timeout_s: float = 60) -> None:
        """Wait until there is none, not even one that is being deleted, which still answers for a while."""
        until(
            lambda: self.pods(name, component, ending=True) == [], timeout_s, f"no pod of {component} is left"
        )

    def event_reasons(self, name: str) -> set[str]:
        """Return the reasons of the events that the resource has."""
        selector = f"involvedObject.kind=BindVectorizer,involvedObject.name={name}"
        found = self.kube.get("events", "-n", self.namespace, "--field-selector", selector)
        return {str(event["reason"]) for event in found.get("items", [])}

    def url(self, name: str) -> str:
        """Return the address of the resource's Weaviate, which this machine reaches."""
        spec = self.kube.get("service", f"{name}-weaviate", "-n", self.namespace)["spec"]
        return f"http://{spec['clusterIP']}:{spec['ports'][0]['port']}"

    @contextmanager
    def client(self, name: str) -> Iterator[weaviate.WeaviateClient]:
        """Yield a client of the resource's Weaviate."""
        with (
            self.kube.forward(self.namespace, f"svc/{name}-weaviate", 80) as http_port,
            self.kube.forward(self.namespace, f"svc/{name}-weaviate-grpc", 50051) as grpc_port,
            Endpoint("127.0.0.1", http_port, grpc_port).client() as client,
        ):
            yield client
