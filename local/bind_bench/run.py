"""One run: servers up, rows interleaved round by round, what they use at the end."""

from __future__ import annotations

import math
from contextlib import ExitStack
from itertools import count
from typing import TYPE_CHECKING

from bind_bench.clients import measure
from bind_bench.media import body, prepare
from bind_bench.results import PEER, Results, Sample, ServerFacts
from bind_bench.scenarios import Scenario, of_round
from bind_bench.servers import Recipe, Running, running
from bind_inference.modality import Modality

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

_GIB = 1024**3


def run(
    recipes: Sequence[Recipe],
    scenarios: list[Scenario],
    media: Path,
    say: Callable[[str], None],
) -> Results:
    """Start every server twice, then all of them; run every row on each, neighbours in time."""
    results = Results(scenarios, [ServerFacts(recipe.name) for recipe in recipes])
    numbers = count()
    for kind in Modality:
        prepare(kind, media)
    for recipe, facts in zip(recipes, results.servers, strict=True):
        say(f"{recipe.name}: started twice, alone; the first start converts the weights, if need be")
        facts.ready_s = _warm_start_s(recipe)
        say(f"{recipe.name} is ready after {facts.ready_s:.1f} s at the second start")
    with ExitStack() as stack:
        servers = []
        for recipe, facts in zip(recipes, results.servers, strict=True):
            server = stack.enter_context(running(recipe))
            servers.append(server)
            facts.rss_gib = server.usage().rss_bytes / _GIB
            facts.note = _precision_note(server)
            say(f"{server.name} is up, {facts.rss_gib:.2f} GiB {facts.note}")
        results.cosines.update(_warm_up(servers, numbers, media))
        for number in range(max((s.rounds for s in scenarios), default=0)):
            for scenario in of_round(scenarios, number):
                for server in servers:
                    sample = measure(scenario, server.port, numbers, media, seed=number)
                    results.add(scenario, server.name, sample)
                    say(f"round {number + 1}  {scenario.name:<22} {server.name:<9} {_told(sample)}")
        for server, facts in zip(servers, results.servers, strict=True):
            facts.end_rss_gib = server.usage().rss_bytes / _GIB
    return results


def _warm_start_s(recipe: Recipe) -> float:
    """Return the seconds until a server is ready that starts a second time.

    The first start converts the weights where that was not done, and leaves in memory what it read. With all
    servers up, that would be pushed out.
    """
    for _ in range(2):
        with running(recipe) as server:
            ready_s = server.ready_s
    return ready_s


def _precision_note(server: Running) -> str:
    """Return a word if the server runs at another precision than asked: its self-check may have refused."""
    found = server.meta().get("precision", server.name)
    return "" if server.name == PEER or found == server.name else f"(runs at {found}: its self-check refused)"


def _warm_up(servers: list[Running], numbers: Iterator[int], media: Path) -> dict[tuple[str, str], float]:
    """Ask all for the same item of each modality; return the cosine of each answer to the first server's."""
    cosines = {}
    for kind in Modality:
        content = body(kind, next(numbers), media)
        vectors = {server.name: server.vectors(content, kind.vector_key)[0] for server in servers}
        first = vectors[servers[0].name]
        cosines.update({(kind.value, name): cosine(vector, first) for name, vector in vectors.items()})
    return cosines


def cosine(a: Sequence[float], b: Sequence[float]) -> float:
    """Return the cosine of two vectors."""
    return sum(x * y for x, y in zip(a, b, strict=True)) / (math.hypot(*a) * math.hypot(*b))


def _told(sample: Sample) -> str:
    failed = f"  {sample.failed} FAILED" if sample.failed else ""
    return f"{sample.rate:8.3f} /s  ({len(sample.milliseconds)} in {sample.elapsed_s:.1f} s){failed}"
