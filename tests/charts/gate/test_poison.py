"""A picture kills each server that computes it: real ones, restarted as by the kubelet, behind the gate."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from bind_inference.modality import Modality
from support import dying_server
from support.samples import SAMPLES, encoded
from support.server import environment
from support.waiting import until

from .conftest import Gate, running_gate

READY_S = 120
POISON = {"thermal": [encoded(Modality.THERMAL, SAMPLES[Modality.THERMAL][0])]}
SLOW = {"depth": [encoded(Modality.DEPTH, SAMPLES[Modality.DEPTH][0])]}


@dataclass
class Pod:
    """A server that is started again in the same place whenever it dies, as a container of a pod is."""

    host: str
    port: int
    folder: Path
    settings: dict[str, str]
    deaths: int = 0
    stopped: threading.Event = field(default_factory=threading.Event)
    process: subprocess.Popen[bytes] | None = None
    thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def start(self) -> None:
        self._launch()
        self.thread = threading.Thread(target=self._restart)
        self.thread.start()

    def ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/.well-known/ready", timeout=2).status_code == 204
        except httpx.HTTPError:
            return False

    def stop(self) -> None:
        self.stopped.set()
        if self.process:
            self.process.kill()
        if self.thread:
            self.thread.join()

    def log(self) -> str:
        return (self.folder / f"{self.host}.log").read_text()

    def _launch(self) -> None:
        arguments = ["--model", "tiny", "--http-host", self.host, "--http-port", str(self.port)]
        journal = f"--journal-path={self.folder / self.host}.journal"
        with (self.folder / f"{self.host}.log").open("ab") as sink:
            self.process = subprocess.Popen(
                [sys.executable, dying_server.__file__, *arguments, journal],
                stderr=sink,
                env=environment(**self.settings),
            )

    def _restart(self) -> None:
        while self.process and self.process.wait() is not None and not self.stopped.is_set():
            self.deaths += 1
            self._launch()


def known(pod: Pod) -> list[str]:
    """Return the lines of the metric that names refused items."""
    lines = httpx.get(f"{pod.url}/metrics").text.splitlines()
    return [line for line in lines if line.startswith("bind_poison_item_deaths{")]


def all_ready(pods: list[Pod]) -> None:
    """Wait until the DNS of a cluster would name all of them."""
    until(lambda: all(pod.ready() for pod in pods), READY_S, lambda: f"ready: {pods[0].log()[-2000:]}")


@pytest.fixture
def gate() -> Iterator[Gate]:
    with running_gate() as gate:
        yield gate


@pytest.fixture
def pods(gate: Gate, tmp_path: Path) -> Iterator[list[Pod]]:
    hosts = [f"127.0.0.{number}" for number in range(2, 5)]
    peers = ",".join(f"{host}:{gate.backend_port}" for host in hosts)
    pods = [Pod(host, gate.backend_port, tmp_path, {"BIND_PEERS": peers}) for host in hosts]
    try:
        for pod in pods:
            pod.start()
        all_ready(pods)
        gate.dns.addresses = tuple(hosts)
        yield pods
    finally:
        for pod in pods:
            pod.stop()


def test_a_poison_meets_two_servers_whoever_sends_it_how_often(gate: Gate, pods: list[Pod]) -> None:
    answer = gate.post(POISON)
    assert (answer.status_code, answer.json()["error"][:14]) == (502, "the connection")
    until(lambda: sum(pod.deaths for pod in pods) == 2, 10, "two servers died")
    all_ready(pods)
    until(lambda: all(known(pod) for pod in pods), 30, "all know of it")
    for _ in range(8):
        answer = gate.post(POISON)
        assert answer.status_code == 422
        assert "2 servers died while they worked on it" in answer.json()["error"]
        assert answer.json()["error"].startswith("thermal[0]: refused for another ")
    assert sorted(pod.deaths for pod in pods) == [0, 1, 1]
    for pod in pods:
        (line,) = known(pod)
        assert 'modality="thermal"' in line
        assert line.endswith(" 2.0")
        assert "an item is refused: servers died of it" in pod.log()
    assert gate.post({"texts": ["a bird"]}).status_code == 200


def test_what_was_at_work_beside_a_poison_is_answered_and_refused_by_nobody(
    gate: Gate, pods: list[Pod]
) -> None:
    answers: list[str] = []

    def ask() -> None:
        answer = gate.post(SLOW, timeout_s=2 * READY_S)
        answers.append(f"{answer.status_code} {answer.json().get('error', '')}")

    beside = [threading.Thread(target=ask) for _ in range(4)]
    for thread in beside:
        thread.start()
    assert gate.post(POISON).status_code == 502
    for thread in beside:
        thread.join()
    all_ready(pods)
    assert answers == ["200 "] * 4
    for pod in pods:
        assert httpx.post(f"{pod.url}/vectorize", json=SLOW, timeout=30).status_code == 200
