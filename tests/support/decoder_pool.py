"""A pool of decoder processes in which some pictures do harm."""

import base64
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue

import numpy as np

from bind_inference.decoders.decoding import Bounds, Decoded, decode
from bind_inference.decoders.handle import PoolConfig
from bind_inference.decoders.pool import DecoderPool
from bind_inference.items.bodies import Endpoint, ParsedBody
from bind_inference.items.shared_memory import Shared
from bind_inference.modality import Modality
from support.media import picture

IMAGE = Modality.IMAGE
WORKERS = 2
TIMEOUT_S = 4.5
MEMORY_BYTES = 512 << 20


class Pool:
    """A pool whose results are waited for."""

    def __init__(self, pool: DecoderPool, restarts: list[str]) -> None:
        self.pool = pool
        self.restarts = restarts

    def send(
        self,
        data: str,
        modality: Modality = IMAGE,
        wanted: Callable[[], bool] = lambda: True,
        asked_by: object = None,
    ) -> "SimpleQueue[Decoded | Exception]":
        results: SimpleQueue[Decoded | Exception] = SimpleQueue()
        self.pool.decode(modality, data, wanted, lambda result, _: results.put(result), asked_by)
        return results

    def ask(self, data: str, modality: Modality = IMAGE) -> Decoded | Exception:
        return self.send(data, modality).get(timeout=30)

    def read(self, kind: Endpoint, raw: bytes, max_items: int = 100) -> ParsedBody | Exception:
        shared, results = Shared(), SimpleQueue[ParsedBody | Exception]()
        shared.write(raw)
        self.pool.read(kind, shared, max_items, lambda: True, lambda result, _: results.put(result))
        return results.get(timeout=30)

    @property
    def pids(self) -> list[int]:
        return [
            handle._process.pid for lane in self.pool._lanes for handle in lane.handles if handle._process
        ]


@contextmanager
def opened(config: PoolConfig) -> Iterator[Pool]:
    restarts: list[str] = []
    pool = Pool(DecoderPool(Bounds(), config, restarts.append), restarts)
    pool.pool.start()
    pool.pool.check()
    try:
        yield pool
    finally:
        pool.pool.close()


def harm(order: str) -> str:
    return base64.b64encode(order.encode()).decode()


def good(number: int) -> str:
    return base64.b64encode(picture(300 + number, 280)).decode()


def check(outcome: Decoded | Exception, data: str) -> None:
    """Assert that a picture was decoded to the last bit."""
    assert isinstance(outcome, Decoded), outcome
    (wanted,), (found,) = decode(IMAGE, data, Bounds()).slices, outcome.slices
    assert np.array_equal(found.tensor, wanted.tensor)
