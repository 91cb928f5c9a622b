"""The clients send requests, each the next one as soon as the last is answered."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING

import httpx

from bind_bench.workload.media import request_body
from bind_bench.workload.objects import object_body
from bind_bench.workload.probe import probing
from bind_bench.workload.sample import Sample
from bind_bench.workload.scenarios import BESIDE, IMPORT, MIX, MIXED, Scenario
from bind_inference.modality import Modality

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

TIMEOUT_S = 1800.0
PROBE_EVERY_S = 0.1


def measure(
    scenario: Scenario, port: int, numbers: Iterator[int], media: Path, seed: int, weaviate_port: int = 0
) -> Sample:
    """Run a scenario on the server at `port`; `numbers` makes every item a new one.

    weaviate_port: of the Weaviate before this server, for IMPORT.
    """
    with probing("127.0.0.1", port, "/meta", PROBE_EVERY_S) as probe:
        sample = asyncio.run(_Run(scenario, port, numbers, media, seed, weaviate_port).run())
    answered = [ms for status, ms in zip(probe.statuses, probe.milliseconds, strict=True) if status]
    return replace(sample, meta_ms=tuple(answered))


class _Run:
    """Runs one scenario. A response other than 200 counts as failed and not as answered."""

    def __init__(
        self, scenario: Scenario, port: int, numbers: Iterator[int], media: Path, seed: int, weaviate: int
    ) -> None:
        self._scenario = scenario
        self._url = f"http://127.0.0.1:{port}/vectorize"
        self._objects_url = f"http://127.0.0.1:{weaviate}/v1/objects"
        self._numbers = numbers
        self._media = media
        self._sent = count()
        self._milliseconds: list[float] = []
        self._failed = self._others = 0
        self._started = self._last = 0.0
        self._mix = [Modality(kind) for kind, number in MIX.items() for _ in range(number)]
        random.Random(seed).shuffle(self._mix)  # noqa: S311  (an order, not a secret)

    async def run(self) -> Sample:
        scenario = self._scenario
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(timeout=TIMEOUT_S, limits=limits) as http:
            self._started = self._last = time.perf_counter()
            if scenario.kind in BESIDE:
                await self._beside(http)
            else:
                deadline = self._started + scenario.seconds
                await asyncio.gather(
                    *(self._client(http, lambda: self._next(deadline)) for _ in range(scenario.clients))
                )
        elapsed_s = max(self._last - self._started, 1e-9)
        return Sample(elapsed_s, tuple(self._milliseconds), (), self._failed, self._others)

    def _next(self, deadline: float) -> Modality | None:
        """Return the modality to ask for next; None at the end."""
        number = next(self._sent)
        if number >= self._scenario.requests if self._scenario.requests else time.perf_counter() >= deadline:
            return None
        kind = self._scenario.kind
        return self._mix[number] if kind == MIXED else Modality.IMAGE if kind == IMPORT else Modality(kind)

    async def _beside(self, http: httpx.AsyncClient) -> None:
        """Send texts while the model is kept busy; only the texts are timed, and the rest is counted."""
        other, clients = BESIDE[self._scenario.kind]
        ended = asyncio.Event()

        async def others() -> None:
            while not ended.is_set():
                await self._ask(http, Modality(other), counted=False)
                self._others += not ended.is_set()

        in_flight = [asyncio.create_task(others()) for _ in range(clients)]
        await asyncio.sleep(1)  # decoded and in the model by now, or about to be
        self._others = 0
        self._started = time.perf_counter()
        deadline = self._started + self._scenario.seconds
        kind = Modality.TEXT
        await asyncio.gather(
            *(
                self._client(http, lambda: kind if time.perf_counter() < deadline else None)
                for _ in range(self._scenario.clients)
            )
        )
        ended.set()
        self._last = time.perf_counter()
        last = self._last
        await asyncio.gather(*in_flight)
        self._last = last

    async def _client(self, http: httpx.AsyncClient, following: Callable[[], Modality | None]) -> None:
        while kind := following():
            await self._ask(http, kind, counted=True)

    async def _ask(self, http: httpx.AsyncClient, kind: Modality, *, counted: bool) -> None:
        if self._scenario.kind == IMPORT:
            url, key, content = self._objects_url, "vector", object_body(next(self._numbers))
        else:
            url, key = self._url, kind.vector_key
            content = request_body(kind, next(self._numbers), self._media)
        started = time.perf_counter()
        try:
            response = await http.post(url, content=content, headers={"content-type": "application/json"})
            right = response.status_code == 200 and bool(response.json()[key])
        except (httpx.HTTPError, KeyError, ValueError):
            right = False
        self._last = time.perf_counter()
        if not right:
            self._failed += 1
        elif counted:
            self._milliseconds.append(1000 * (self._last - started))
