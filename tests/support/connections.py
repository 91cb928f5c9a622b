"""Connections that pods really make, over the network policies that the cluster enforces."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bind_demo.cluster.kube import Kube
from bind_demo.cluster.local import local_images
from bind_demo.errors import DemoError
from bind_local.cluster import record
from bind_local.host import cgroups

Labels = dict[str, str]
Ends = dict[str, tuple[str, int]]
"""Addresses and ports, by what a test calls them."""
ANSWER_S = 2.0
"""A connection that nothing is in the way of is there within milliseconds."""
READY_S = 60
TRIES = """
import json, socket, sys
from concurrent.futures import ThreadPoolExecutor

def connects(target):
    try:
        socket.create_connection((target[0], target[1]), timeout=float(sys.argv[2])).close()
        return True
    except OSError:
        return False

targets = json.loads(sys.argv[1])
with ThreadPoolExecutor(len(targets)) as pool:
    print(json.dumps(list(pool.map(connects, targets))))
"""


RESOLVES = "import socket, sys; socket.getaddrinfo(sys.argv[1], 80)"


class Place:
    """A place in the network from which connections are tried."""

    def python(self, *args: str) -> str:
        """Run Python there and return what it prints."""
        raise NotImplementedError

    def reaches(self, targets: Ends) -> set[str]:
        """Return the names of those that take a connection, to which all are tried at the same time."""
        ends = json.dumps([list(end) for end in targets.values()])
        shown = self.python("-c", TRIES, ends, str(ANSWER_S))
        return {name for name, does in zip(targets, json.loads(shown), strict=True) if does}


@dataclass(frozen=True)
class Caller(Place):
    """A pod that has Python."""

    kube: Kube
    namespace: str
    name: str

    def python(self, *args: str) -> str:
        """Run Python in the pod's first container."""
        return self.kube.run("exec", self.name, "-n", self.namespace, "--", "python", *args)

    def resolves(self, name: str) -> bool:
        """Return whether the pod's DNS knows a name."""
        try:
            self.python("-c", RESOLVES, name)
        except DemoError:
            return False
        return True


@dataclass(frozen=True)
class Machine(Place):
    """This machine's Python, in a network namespace that a command enters."""

    enters: tuple[str, ...] = ()

    def python(self, *args: str) -> str:
        """Run Python."""
        command = [*self.enters, sys.executable, *args]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def from_this_machine() -> Machine:
    """Return this machine itself, which is outside of the cluster."""
    return Machine()


def from_the_node() -> Machine:
    """Return the network of the local cluster's node, where the kubelet is."""
    running = record.read()
    assert running is not None
    assert running.init is not None
    return Machine(("nsenter", "--net", "--target", str(running.init.pid)))


def inside(pod: dict[str, Any]) -> Machine:
    """Return the network of a pod of the local cluster, whatever its image has."""
    uid = pod["metadata"]["uid"]
    mine = [pid for pid in cgroups.members() if uid in Path(f"/proc/{pid}/cgroup").read_text()]
    assert mine, f"no process of pod {pod['metadata']['name']} is here"
    return Machine(("nsenter", "--net", "--target", str(mine[0])))


def ends_of(pod: dict[str, Any]) -> Ends:
    """Return the ports of a pod by their names."""
    spec = pod["spec"]
    parts = [*spec.get("initContainers", []), *spec["containers"]]
    address = str(pod["status"]["podIP"])
    return {port["name"]: (address, int(port["containerPort"])) for one in parts for port in one["ports"]}


def callers(kube: Kube, wanted: dict[str, tuple[str, Labels]]) -> dict[str, Caller]:
    """Start pods, by name of namespaces that are there and with labels; return them once all run."""
    image = f"ghcr.io/bindvectorizer/bind-operator:{local_images().values['image.tag']}"
    pods = [_pod(name, namespace, labels, image) for name, (namespace, labels) in wanted.items()]
    kube.run("create", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": pods}))
    made = {name: Caller(kube, namespace, name) for name, (namespace, _) in wanted.items()}
    for one in made.values():
        kube.run(
            *("wait", "--for=condition=Ready", f"pod/{one.name}"),
            *("-n", one.namespace, f"--timeout={READY_S}s"),
        )
    return made


def _pod(name: str, namespace: str, labels: Labels, image: str) -> dict[str, Any]:
    context = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
        "runAsUser": 65532,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    container = {
        "name": "caller",
        "image": image,
        "command": ["python", "-c", "import signal; signal.sigwait([signal.SIGTERM])"],
        "securityContext": context,
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}},
    }
    metadata = {"name": name, "namespace": namespace, "labels": labels}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 1},
    }
