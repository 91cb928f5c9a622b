"""The catalogue of faults: each is a block in which something fails, and after which all is as before."""

import base64
import contextlib
import os
import random
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from http import HTTPStatus

from integration.apiserver import ApiServer
from integration.server_process import ServerProcess
from support.api_proxy import NO_HARM, Harm, Harmer
from support.operator_faults.world import LEASE_S, World

WRITING = ("POST", "PUT", "PATCH", "DELETE")
Block = Callable[[World, random.Random, float], AbstractContextManager[None]]
"""It lets a fault last for so many seconds, and ends it."""


@dataclass(frozen=True)
class Fault:
    """One fault of the catalogue."""

    name: str
    says: str
    block: Block
    short_s: float = 4.0
    """So long it lasts where time is short."""
    long_s: float = 60.0


def _refused(harmer: Callable[[random.Random], Harmer]) -> Block:
    """Return a fault that does to requests what `harmer` says, and ends the watches that there are."""

    @contextlib.contextmanager
    def block(world: World, chance: random.Random, seconds: float) -> Iterator[None]:
        world.proxy.harm(harmer(chance))
        world.proxy.cut()
        try:
            yield
            time.sleep(seconds)
        finally:
            world.proxy.heal()

    return block


def _all(harm: Harm) -> Callable[[random.Random], Harmer]:
    return lambda _: lambda _method, _path: harm


def _writes(harm: Harm, share: float) -> Callable[[random.Random], Harmer]:
    def harmer(chance: random.Random) -> Harmer:
        return lambda method, _: harm if method in WRITING and chance.random() < share else NO_HARM

    return harmer


def _mixed(chance: random.Random) -> Harmer:
    """Refuse, delay or leave without an answer a third of all requests."""
    harms = [Harm(status) for status in (429, 500, 503, 504)]
    harms += [Harm(loses_answer=True), Harm(delay_s=1.5)]
    return lambda _method, _path: chance.choice(harms) if chance.random() < 1 / 3 else NO_HARM


def _lost_answers(chance: random.Random) -> Harmer:
    """Let a quarter of what is written be written, and not be told so."""
    harm = Harm(loses_answer=True)
    return lambda method, _: harm if method in WRITING and chance.random() < 1 / 4 else NO_HARM


@contextlib.contextmanager
def _cut(world: World, chance: random.Random, seconds: float) -> Iterator[None]:
    yield
    for _ in range(int(seconds)):
        world.proxy.cut()
        time.sleep(chance.uniform(0.5, 1.5))


@contextlib.contextmanager
def _silent(world: World, _: random.Random, seconds: float) -> Iterator[None]:
    world.proxy.mute()
    yield
    time.sleep(seconds)


def _down(end: Callable[[ApiServer], ServerProcess]) -> Block:
    """Return a fault in which the process that `end` has ended is away; `end` returns it."""

    @contextlib.contextmanager
    def block(world: World, _: random.Random, seconds: float) -> Iterator[None]:
        server = world.plane.server
        yield
        process = end(server)
        try:
            time.sleep(seconds)
        finally:
            process.start()
            server.wait_until_ready()
            world.plane.restart_controllers()

    return block


def _stop_server(server: ApiServer) -> ServerProcess:
    server.process.stop()
    return server.process


def _kill_etcd(server: ApiServer) -> ServerProcess:
    server.etcd.kill()
    return server.etcd


@contextlib.contextmanager
def _disk_full(world: World, _: random.Random, seconds: float) -> Iterator[None]:
    filler = world.disk_of(world.operator) / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    try:
        yield
        time.sleep(seconds)
    finally:
        filler.unlink()


@contextlib.contextmanager
def _helm_killed(world: World, chance: random.Random, seconds: float) -> Iterator[None]:
    ended = threading.Event()
    killed = 0

    def kill() -> None:
        nonlocal killed
        while not ended.wait(chance.uniform(0.05, 0.5)):
            killed += world.kill_helm()

    # Beside what is asked for, whose Helm is done before all has been asked.
    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    try:
        yield
        time.sleep(seconds)
    finally:
        ended.set()
        killer.join()
    assert killed, "no Helm ran that could be killed"


@contextlib.contextmanager
def _operator_killed(world: World, chance: random.Random, seconds: float) -> Iterator[None]:
    yield
    # Most moments are such at which Helm is at work.
    time.sleep(chance.triangular(0.0, seconds, seconds / 6))
    world.operator.kill()
    world.operator.start()


@contextlib.contextmanager
def _clock_jumps(world: World, chance: random.Random, seconds: float) -> Iterator[None]:
    yield
    for _ in range(4):
        world.set_clock(world.operator.name, chance.choice((-7200, -60, 60, 7200)))
        time.sleep(seconds / 4)
    world.set_clock(world.operator.name, 0)


@contextlib.contextmanager
def _two_leaders(world: World, _: random.Random, seconds: float) -> Iterator[None]:
    """A second operator stands by; their clocks part, and the first one sleeps for longer than its lease."""
    first, other = world.operator, world.new_operator("other")
    try:
        yield
        for offset in (7200, -7200):
            world.set_clock(first.name, offset)
            world.set_clock(other.name, -offset)
            time.sleep(seconds / 4)
        first.freeze()
        time.sleep(LEASE_S * 1.5)
        first.thaw()
        time.sleep(seconds / 2)
    finally:
        for one in (first, other):
            world.set_clock(one.name, 0)
        world.retire(other)


@contextlib.contextmanager
def _name_unknown(world: World, _: random.Random, seconds: float) -> Iterator[None]:
    yield
    world.set_name_known(known=False)
    try:
        # What is connected needs no name.
        world.proxy.cut()
        time.sleep(seconds)
    finally:
        world.set_name_known(known=True)


@contextlib.contextmanager
def _webhook_hangs(world: World, _: random.Random, seconds: float) -> Iterator[None]:
    """A webhook for what a release is made of takes connections and never answers."""
    server = world.plane.server
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/"
        server.kubectl("create", "-f", "-", manifest=_webhook(url, _certificate(world)))
        try:
            yield
            time.sleep(seconds)
        finally:
            server.kubectl("delete", "validatingwebhookconfiguration", "hangs")


def _webhook(url: str, bundle: str) -> dict[str, object]:
    rule = {"apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"]}
    webhook = {
        "name": "hangs.example.org",
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "failurePolicy": "Fail",
        "timeoutSeconds": 2,
        "clientConfig": {"url": url, "caBundle": bundle},
        "rules": [
            rule | {"apiGroups": ["apps"], "resources": ["deployments", "statefulsets"]},
            rule | {"apiGroups": [""], "resources": ["services", "configmaps"]},
        ],
    }
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "hangs"},
        "webhooks": [webhook],
    }


def _certificate(world: World) -> str:
    """Return a certificate authority that signs nothing: the handshake is never got through."""
    file = world.folder / "webhook.crt"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=hangs"]
    subprocess.run([*command, "-keyout", os.devnull, "-out", str(file)], check=True, capture_output=True)
    return base64.b64encode(file.read_bytes()).decode()


_DATABASE_FULL = Harm(HTTPStatus.INTERNAL_SERVER_ERROR, "etcdserver: mvcc: database space exceeded")
_BUSY = Harm(HTTPStatus.TOO_MANY_REQUESTS, "the server is overloaded", {"Retry-After": "1"})
_CONFLICT = Harm(
    HTTPStatus.CONFLICT, "the object has been modified; please apply your changes to the latest version"
)

FAULTS = (
    Fault("unavailable", "the API server answers 503", _refused(_all(Harm(503)))),
    Fault("busy", "the API server answers 429, with Retry-After", _refused(_all(_BUSY))),
    Fault("conflicts", "nine of ten writes meet a conflict", _refused(_writes(_CONFLICT, 0.9))),
    Fault("database-full", "etcd takes no writes", _refused(_writes(_DATABASE_FULL, 1.0))),
    Fault("forbidden", "the API server answers 403", _refused(_all(Harm(403)))),
    Fault("mixed", "a third of all requests is refused, late, or without an answer", _refused(_mixed)),
    Fault("lost-answers", "what is written is not told to have been", _refused(_lost_answers)),
    Fault("stopped", "the API server is stopped, and started again", _down(_stop_server), short_s=1.0),
    Fault("etcd-killed", "etcd is killed, and started again", _down(_kill_etcd)),
    Fault("cut", "all watches are cut, time and again", _cut),
    Fault("silent", "all watches fall silent", _silent, short_s=0.0, long_s=90.0),
    Fault("disk-full", "the operator's disk is full", _disk_full),
    Fault("helm-killed", "each Helm is killed half-way", _helm_killed),
    Fault("operator-killed", "the operator is killed", _operator_killed, long_s=12.0),
    Fault("clock-jumps", "the operator's clock jumps to and fro", _clock_jumps, long_s=20.0),
    Fault("two-leaders", "the clocks of two operators part, and one sleeps", _two_leaders, long_s=20.0),
    Fault("name-unknown", "the API server's name does not resolve", _name_unknown),
    Fault("webhook-hangs", "a webhook never answers", _webhook_hangs),
)
