"""Sends mixed requests, a fifth of them bad, from clients some of which hang up, and checks the responses."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

import httpx

from bind_inference.modality import Modality
from support.samples import SAMPLES, Expected, encoded

if TYPE_CHECKING:
    from collections.abc import Callable

CLIENTS = 32
BAD_EVERY = 5
HANGS_UP_SHARE = 0.1

GOOD = [(modality, name) for modality, names in SAMPLES.items() for name in names]
BAD: list[dict[str, object]] = [
    {"images": ["!"]},
    {"video": ["aGVsbG8="]},
    {"texts": "not a list"},
    {"audio": ["UklGRgAAAABXQVZF"]},
    {"imu": ["", "aGVsbG8="]},
    {"unknown": []},
    {"texts": ["good"], "images": ["aGVsbG8="]},
    {"depth": [None]},
]
REFUSALS = {400, 413, 415, 422}


@dataclass
class Tally:
    """Counts how the requests ended. faults: a line for each response that must not be; none is a pass."""

    answered: int = 0
    refused: int = 0
    hung_up: int = 0
    good_items: int = 0
    faults: list[str] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    @property
    def done(self) -> int:
        return self.answered + self.refused + self.hung_up


@dataclass(frozen=True)
class Request:
    """A request. wanted: its samples; none when it is bad. hang_up_after_s: when its client hangs up."""

    body: dict[str, Any]
    wanted: tuple[tuple[Modality, str], ...] = ()
    hang_up_after_s: float | None = None


def plan_request(index: int, rng: random.Random) -> Request:
    """Return request number `index`: every fifth is bad, and the client of one good one in ten hangs up."""
    if index % BAD_EVERY == 0:
        return Request(rng.choice(BAD))
    wanted = tuple(rng.sample(GOOD, rng.randint(1, 3)))
    number = index if index % 2 else 0  # half of them are computed, the others may come from the cache
    body: dict[str, list[str]] = {}
    for modality, name in wanted:
        body.setdefault(modality.plural, []).append(encoded(modality, name, number))
    impatient = rng.random() < HANGS_UP_SHARE
    return Request(body, wanted, rng.uniform(0.001, 0.3) if impatient else None)


def check_response(request: Request, response: httpx.Response, expected: Expected, tally: Tally) -> None:
    """Count a response, and record what is wrong with it."""
    tally.statuses[response.status_code] += 1
    if not request.wanted:
        tally.refused += 1
        if response.status_code not in REFUSALS or not response.json().get("error"):
            tally.faults.append(f"a bad request got {response.status_code}: {response.text[:200]}")
        return
    tally.answered += 1
    if response.status_code != 200:
        tally.faults.append(f"a good request got {response.status_code}: {response.text[:200]}")
        return
    vectors = {modality: iter(response.json()[modality.vector_key]) for modality in Modality}
    for modality, name in request.wanted:
        tally.good_items += 1
        try:
            expected.check(modality, name, next(vectors[modality]))
        except (AssertionError, StopIteration) as error:
            tally.faults.append(f"{modality.plural} {name!r}: {' '.join(str(error).split())[:200]}")


async def run_chaos(
    url: str,
    expected: Expected,
    requests: int,
    *,
    seed: int = 7,
    clients: int = CLIENTS,
    progress: Callable[[Tally], None] = lambda _: None,
) -> Tally:
    """Send `requests` requests from `clients` connections; `progress` is called after each."""
    tally, numbers = Tally(), count()
    for modality, name in GOOD:
        expected.vector(modality, name)  # beforehand: this process shares the server's CPUs

    async def client(rng: random.Random) -> None:
        async with httpx.AsyncClient(base_url=url, timeout=120) as http:
            while (index := next(numbers)) < requests:
                request = plan_request(index, rng)
                try:
                    async with asyncio.timeout(request.hang_up_after_s):
                        response = await http.post("/vectorize", json=request.body)
                except TimeoutError:
                    tally.hung_up += 1
                except httpx.HTTPError as error:
                    tally.answered += 1
                    tally.faults.append(f"no answer: {error!r}")
                else:
                    check_response(request, response, expected, tally)
                progress(tally)

    await asyncio.gather(*(client(random.Random(seed * 1000 + number)) for number in range(clients)))
    return tally
