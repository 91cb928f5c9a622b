"""HTTP clients in processes of their own, each connection asking anew as soon as it is answered.

No two items are alike, so that no cache of the server helps. A client costs less than the server that it
measures: bodies are made beforehand, but for the few bytes that tell them apart.
"""

from __future__ import annotations

import asyncio
import base64
import io
import itertools
import os
import time
from dataclasses import dataclass
from multiprocessing import get_context
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.queues import SimpleQueue
    from multiprocessing.synchronize import Barrier

    _Part = tuple[int, list[float], int]

PROCESSES: Final = 6
START_S: Final = 60.0
SIZES_PX: Final = {"jpeg": (640, 480), "bmp": (224, 224)}
MARK_BYTES: Final = 12
"""What tells a picture apart stands behind the end of its file, where no decoder looks: eight bytes that are
one process's own in one run, and a number.
"""
OK: Final = 200


@dataclass(frozen=True)
class Load:
    """So many `clients` ask for `items` of a kind a request, for `seconds`.

    kind: text; jpeg, of 640 x 480; bmp, of 224 x 224, which hardly needs decoding.
    """

    kind: str
    clients: int
    items: int
    seconds: float


@dataclass(frozen=True)
class Sample:
    """The answers that came: items a second, and the milliseconds of each request."""

    rate: float
    milliseconds: tuple[float, ...]
    failed: int

    def percentile(self, percent: float) -> float:
        """Return the milliseconds below which `percent` of the requests stayed."""
        return float(np.percentile(self.milliseconds, percent)) if self.milliseconds else float("nan")


def send(port: int, *loads: Load) -> list[Sample]:
    """Send all `loads` at once to the server on loopback; return what came of each."""
    shares = [
        (place, load, share)
        for place, load in enumerate(loads)
        for share in _shares(load.clients, PROCESSES if load.clients >= PROCESSES else 1)
    ]
    context = get_context("spawn")
    ready, answers = context.Barrier(len(shares) + 1), context.SimpleQueue()
    processes = [
        context.Process(target=_send_share, args=(port, load, share, place, ready, answers), daemon=True)
        for place, load, share in shares
    ]
    for process in processes:
        process.start()
    ready.wait(START_S)  # a process that starts late would be counted as a slow server
    parts = [answers.get() for _ in processes]
    for process in processes:
        process.join()
    samples = []
    for place, load in enumerate(loads):
        times = [ms for at, found, _ in parts if at == place for ms in found]
        failed = sum(bad for at, _, bad in parts if at == place)
        samples.append(Sample(len(times) * load.items / load.seconds, tuple(times), failed))
    return samples


def _shares(clients: int, processes: int) -> list[int]:
    return [clients // processes + (number < clients % processes) for number in range(processes)]


def _send_share(
    port: int, load: Load, clients: int, place: int, ready: Barrier, answers: SimpleQueue[_Part]
) -> None:
    """Answer the milliseconds of the requests that were answered within the time, and how many failed."""
    own = os.urandom(MARK_BYTES - 4)
    bodies = _texts(load.items, own) if load.kind == "text" else _images(load.kind, load.items, own)
    times: list[float] = []
    failed = 0
    next(bodies)  # which makes the pictures
    ready.wait(START_S)
    end = time.perf_counter() + load.seconds

    async def client() -> None:
        nonlocal failed
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 24)
        while (started := time.perf_counter()) < end:
            body = next(bodies)
            head = f"POST /vectorize HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
            status = await _read_response(reader)
            ended = time.perf_counter()
            if status != OK:
                failed += 1
            elif ended <= end:
                times.append(1000 * (ended - started))
        writer.close()

    async def run() -> None:
        await asyncio.gather(*(client() for _ in range(clients)))

    asyncio.run(run())
    answers.put((place, times, failed))


async def _read_response(reader: asyncio.StreamReader) -> int:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
    await reader.readexactly(length)
    return int(head.split(b" ", 2)[1])


def _texts(items: int, own: bytes) -> Iterator[bytes]:
    for number in itertools.count():
        texts = [f'"an old red boat by the river {own[:3].hex()} {number} {i}"' for i in range(items)]
        yield b'{"texts": [%s]}' % ",".join(texts).encode()


def _images(kind: str, items: int, own: bytes) -> Iterator[bytes]:
    pictures = [base64.b64encode(_picture(seed, kind)) for seed in range(8)]
    numbers = itertools.count()
    while True:
        marked = (
            b'"%s%s"' % (pictures[number % 8], base64.b64encode(own + number.to_bytes(4, "big")))
            for number in itertools.islice(numbers, items)
        )
        yield b'{"images": [%s]}' % b",".join(marked)


def _picture(seed: int, kind: str) -> bytes:
    """Return a picture of soft shapes and grain, as large as a photo of its size; a multiple of 3 bytes."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8))
    soft = np.asarray(coarse.resize(SIZES_PX[kind], Image.Resampling.BICUBIC), np.int16)
    grain = rng.integers(-12, 13, soft.shape, dtype=np.int16)
    out = io.BytesIO()
    Image.fromarray(np.clip(soft + grain, 0, 255).astype(np.uint8)).save(out, kind, quality=85)
    raw = out.getvalue()
    return raw + bytes(-len(raw) % 3)
