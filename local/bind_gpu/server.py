"""Measures the whole server on the card: HTTP clients on loopback, decoders, queue, model."""

from __future__ import annotations

import contextlib
import http.client
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import torch

from bind_gpu.clients import OK, Load, Sample, send

if TYPE_CHECKING:
    from collections.abc import Iterator

START_S: Final = 90.0
SECONDS: Final = 4.0
PICTURES: Final = Load("jpeg", 64, 1, SECONDS)
LOADS: Final = {
    "pictures, 64 clients, one a request": PICTURES,
    "pictures, 128 clients, one a request": Load("jpeg", 128, 1, SECONDS),
    "pictures, 16 clients, 16 a request": Load("jpeg", 16, 16, SECONDS),
    "pictures that need no decoding, 16 clients, 16 a request": Load("bmp", 16, 16, SECONDS),
    "texts, 1 client": Load("text", 1, 1, SECONDS),
    "texts, 2 clients": Load("text", 2, 1, SECONDS),
    "texts, 64 clients": Load("text", 64, 1, SECONDS),
}
BESIDE: Final = "texts, 2 clients, beside the pictures"


@dataclass(frozen=True)
class ServerFigures:
    """The whole server gave these; `ready_s` is from its start, and includes that weights were made."""

    ready_s: float
    memory_gib: float
    """Of the card, at the end."""
    decode_ms: float
    """A decoder process takes so long for a picture, the mean of all loads."""
    samples: dict[str, Sample]


def measure_server() -> ServerFigures:
    """Start the server, send all loads one after another, and end it."""
    before, _ = torch.cuda.mem_get_info()
    with _running() as (port, ready_s):
        for kind in ("jpeg", "text"):  # what a first pass of each size makes
            send(port, Load(kind, 64, 4, 1.5))
        samples = {name: send(port, load)[0] for name, load in LOADS.items()}
        samples[BESIDE] = send(port, LOADS["texts, 2 clients"], PICTURES)[0]
        after, _ = torch.cuda.mem_get_info()
        _, page = _get(port, "/metrics")
        decode_s, pictures = (
            float(page.partition(f'bind_decode_seconds_{name}{{modality="image"}} ')[2].split()[0])
            for name in ("sum", "count")
        )
    return ServerFigures(ready_s, (before - after) / 2**30, 1000 * decode_s / pictures, samples)


@contextlib.contextmanager
def _running() -> Iterator[tuple[int, float]]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "bind_gpu.served", str(port)])
    try:
        while not _is_ready(port):
            if process.poll() is not None or time.perf_counter() - started > START_S:
                raise SystemExit(f"the server is not ready after {time.perf_counter() - started:.0f} s")
            time.sleep(0.05)
        yield port, time.perf_counter() - started
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
        process.kill()
        process.wait()


def _is_ready(port: int) -> bool:
    try:
        return _get(port, "/.well-known/ready")[0] in (OK, 204)
    except OSError:
        return False


def _get(port: int, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()
