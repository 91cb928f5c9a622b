"""Mixed requests, a fifth of them bad, from clients some of which hang up: what was asked, what came back."""

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
class Outcome:
    """What the requests came to. `faults` holds what must not be, a line each; empty is a pass."""

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
    """One request: the samples it asks for (none: it is bad), and after how long its client hangs up."""

    body: dict[str, Any]
    wanted: tuple[tuple[Modality, str], ...] = ()
    hang_up_after_s: float | None = None


def plan_request(index: int, dice: random.Random) -> Request:
    """Return request number `index`: every fifth is bad, one good in ten is not waited for."""
    if index % BAD_EVERY == 0:
        return Request(dice.choice(BAD))
    wanted = tuple(dice.sample(GOOD, dice.randint(1, 3)))
    number = index if index % 2 else 0  # half of them are computed, the others may come from the cache
    body: dict[str, list[str]] = {}
    for modality, name in wanted:
        body.setdefault(modality.plural, []).append(encoded(modality, name, number))
    impatient = dice.random() < HANGS_UP_SHARE
    return Request(body, wanted, dice.uniform(0.001, 0.3) if impatient else None)


def judge(request: Request, response: httpx.Response, expected: Expected, outcome: Outcome) -> None:
    """Count an answer, or note what is wrong with it."""
    outcome.statuses[response.status_code] += 1
    if not request.wanted:
        outcome.refused += 1
        if response.status_code not in REFUSALS or not response.json().get("error"):
            outcome.faults.append(f"a bad request got {response.status_code}: {response.text[:200]}")
        return
    outcome.answered += 1
    if response.status_code != 200:
        outcome.faults.append(f"a good request got {response.status_code}: {response.text[:200]}")
        return
    vectors = {modality: iter(response.json()[modality.vector_key]) for modality in Modality}
    for modality, name in request.wanted:
        outcome.good_items += 1
        try:
            expected.check(modality, name, next(vectors[modality]))
        except (AssertionError, StopIteration) as error:
            outcome.faults.append(f"{modality.plural} {name!r}: {' '.join(str(error).split())[:200]}")


async def run_chaos(
    url: str,
    expected: Expected,
    requests: int,
    *,
    seed: int = 7,
    clients: int = CLIENTS,
    progress: Callable[[Outcome], None] = lambda _: None,
) -> Outcome:
    """Send `requests` requests from `clients` connections; `progress` is told after each."""
    outcome, numbers = Outcome(), count()
    for modality, name in GOOD:
        expected.vector(modality, name)  # beforehand: this process shares the server's CPUs

    async def client(dice: random.Random) -> None:
        async with httpx.AsyncClient(base_url=url, timeout=120) as http:
            while (index := next(numbers)) < requests:
                request = plan_request(index, dice)
                try:
                    async with asyncio.timeout(request.hang_up_after_s):
                        response = await http.post("/vectorize", json=request.body)
                except TimeoutError:
                    outcome.hung_up += 1
                except httpx.HTTPError as error:
                    outcome.answered += 1
                    outcome.faults.append(f"no answer: {error!r}")
                else:
                    judge(request, response, expected, outcome)
                progress(outcome)

    await asyncio.gather(*(client(random.Random(seed * 1000 + number)) for number in range(clients)))
    return outcome
