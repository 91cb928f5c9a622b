"""Installs resources in turn with bare Helm, leaves them at rest, and lets pods die."""

import concurrent.futures
import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import httpx

from bind_operator.api import parse_resource
from bind_operator.release.chart import load_chart
from bind_operator.release.values import render_values
from bind_operator.settings import Images
from integration.apiserver import ADMIN_TOKEN
from integration.control_plane import ControlPlane
from integration.installation import OPERATOR_USER
from integration.operator_process import CHART, OperatorProcess
from support.operator_bench.figures import Batch, Idle
from support.operator_bench.processes import cpu_s, ended_children_cpu_s, rss_mib
from support.resources import tiny_resource
from support.tools import binary
from support.waiting import comes_to_rest, until

NAMESPACE = "bench"
BARE_NAMESPACE = "bare"
HELM_AT_ONCE = 4
INSTALL_LIMIT_S = 900.0
LOOKS = "bind_operator_reconciles_total"

Object = dict[str, Any]


@dataclass
class Bench:
    """One control plane with one operator."""

    plane: ControlPlane
    operator: OperatorProcess
    folder: Path
    log: Callable[[str], None]
    names: list[str] = field(default_factory=list)

    def install(self, count: int) -> float:
        """Let the operator install `count` more; return its CPU seconds until all are ready."""
        started = cpu_s(self.operator.pid)
        names = [f"r{len(self.names) + number}" for number in range(count)]
        items = [tiny_resource(name, NAMESPACE) for name in names]
        self.plane.server.kubectl("create", "-f", "-", manifest=_list(items))
        self.names += names
        until(lambda: self._ready(names), INSTALL_LIMIT_S, f"{count} are ready", poll_s=2)
        return cpu_s(self.operator.pid) - started

    def install_bare(self, count: int) -> float:
        """Let bare Helm install `count` with the same values, and remove them; return the CPU seconds."""
        # Those of the installs alone.
        values = render_values(parse_resource(tiny_resource("r")), Images(), load_chart(Path(CHART)))
        file = self.folder / "values.yaml"
        file.write_text(values.text, encoding="utf-8")
        names = [f"b{number}" for number in range(count)]
        before = ended_children_cpu_s()
        self._helm_all("install", names, CHART, f"--values={file}", "--hide-notes", "--output=json")
        spent = ended_children_cpu_s() - before
        self._helm_all("uninstall", names)
        return spent

    def batch(self, count: int) -> Batch:
        """Install `count` in both ways."""
        return Batch(count, self.install(count), self.install_bare(count))

    def rest(self, quiet_s: float, within_s: float) -> bool:
        """Wait until nothing has been written for `quiet_s`; return whether that came in time.

        There are always looks: those of many resources are spread over the whole resync.
        """
        server = self.plane.server
        lines = server.audit_lines()

        def written() -> int:
            return len(server.writes(OPERATOR_USER, NAMESPACE, since=lines))

        return comes_to_rest(written, quiet_s, within_s)

    def idle(self, seconds: float) -> Idle:
        """Watch all resources at rest for `seconds`."""
        server, pid = self.plane.server, self.operator.pid
        lines, looks, cpu, started = server.audit_lines(), self._looks(), cpu_s(pid), time.monotonic()
        time.sleep(seconds)
        took = time.monotonic() - started
        spent = cpu_s(pid) - cpu
        writes = server.writes(OPERATOR_USER, NAMESPACE, since=lines)
        return Idle(len(self.names), took, rss_mib(pid), spent, int(self._looks() - looks), writes)

    def reactions(self, count: int) -> list[float]:
        """Delete the inference pod of `count` resources; return after how many seconds Ready told of each."""
        server = self.plane.server
        nodes = [node["metadata"]["name"] for node in server.get("nodes")]
        server.kubectl("cordon", *nodes)
        try:
            with watching(server.url) as changes:
                return [self._reaction(name, changes) for name in self.names[:count]]
        finally:
            server.kubectl("uncordon", *nodes)

    def _reaction(self, name: str, changes: "SimpleQueue[tuple[float, Object]]") -> float:
        selector = f"app.kubernetes.io/instance={name},app.kubernetes.io/component=inference"
        query = {"labelSelector": selector, "gracePeriodSeconds": "0"}
        started = time.monotonic()
        with _client(self.plane.server.url) as client:
            client.delete(f"/api/v1/namespaces/{NAMESPACE}/pods", params=query).raise_for_status()
        while True:
            try:
                at, resource = changes.get(timeout=60)
            except Empty:
                raise AssertionError(f"Ready of {name} did not change within a minute") from None
            if resource["metadata"]["name"] == name and not _is_ready(resource) and at > started:
                return at - started

    def _ready(self, names: list[str]) -> bool:
        assert self.operator.is_running, self.operator.log()[-3000:]
        items = self.plane.server.get("bv", namespace=NAMESPACE)
        ready = {item["metadata"]["name"] for item in items if _is_ready(item)}
        self.log(f"{len(ready)} of {len(self.names)} are ready")
        return ready >= set(names)

    def _looks(self) -> float:
        return self.operator.metric(LOOKS)

    def _helm_all(self, command: str, names: list[str], *arguments: str) -> None:
        where = (f"--namespace={BARE_NAMESPACE}", f"--kubeconfig={self.plane.server.kubeconfig}")

        def run(name: str) -> None:
            line = [str(binary("helm")), command, name, *arguments, *where]
            subprocess.run(line, check=True, capture_output=True, timeout=300)

        with concurrent.futures.ThreadPoolExecutor(HELM_AT_ONCE) as pool:
            list(pool.map(run, names))


@contextmanager
def watching(url: str) -> Iterator["SimpleQueue[tuple[float, Object]]"]:
    """Yield a queue that gets each change of a resource with the time (monotonic) at which it was seen."""
    changes: SimpleQueue[tuple[float, Object]] = SimpleQueue()
    begun = threading.Event()
    path = f"/apis/bindvectorizer.dev/v1alpha1/namespaces/{NAMESPACE}/bindvectorizers"
    with _client(url) as client:
        version = client.get(path).raise_for_status().json()["metadata"]["resourceVersion"]
        query = {"watch": "1", "resourceVersion": version, "timeoutSeconds": "3600"}
        with client.stream("GET", path, params=query) as response:

            def read() -> None:
                begun.set()
                try:
                    for line in response.iter_lines():
                        changes.put((time.monotonic(), json.loads(line)["object"]))
                except (httpx.HTTPError, httpx.StreamError):
                    return  # It was closed, at the end.

            thread = threading.Thread(target=read, daemon=True)
            thread.start()
            begun.wait()
            yield changes


def _client(url: str) -> httpx.Client:
    # Of loopback, with a certificate of its own; and a watch has no end.
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    return httpx.Client(base_url=url, headers=headers, verify=False, timeout=None)  # noqa: S113, S501


def _list(items: list[Object]) -> Object:
    return {"apiVersion": "v1", "kind": "List", "items": items}


def _is_ready(resource: Object) -> bool:
    conditions = resource.get("status", {}).get("conditions", [])
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
