"""Runs the benchmark: servers up, scenarios interleaved round by round, what they use at the end."""

from __future__ import annotations

import math
from contextlib import ExitStack
from itertools import count
from typing import TYPE_CHECKING

from bind_bench.figures.results import PEER, Results, ServerFigures
from bind_bench.servers.gateway import weaviate_before
from bind_bench.servers.process import LaunchConfig, RunningServer, running
from bind_bench.workload.clients import measure
from bind_bench.workload.media import prepare, request_body
from bind_bench.workload.scenarios import IMPORT, Scenario, of_round
from bind_inference.modality import Modality

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from bind_bench.workload.sample import Sample
    from bind_local.paths import Paths

_GIB = 1024**3


def run(
    launches: Sequence[LaunchConfig],
    scenarios: list[Scenario],
    media: Path,
    log: Callable[[str], None],
    paths: Paths,
) -> Results:
    """Start every server twice, then all of them at once; run every scenario on each in turn.

    paths: where the built programs are, for a Weaviate before each of ours.
    """
    results = Results(scenarios, [ServerFigures(launch.name) for launch in launches])
    numbers = count()
    for kind in Modality:
        prepare(kind, media)
    for launch, figures in zip(launches, results.servers, strict=True):
        log(f"{launch.name}: started twice, alone; the first start converts the weights, if need be")
        figures.ready_s = _warm_start_s(launch)
        log(f"{launch.name} is ready after {figures.ready_s:.1f} s at the second start")
    with ExitStack() as stack:
        servers = []
        for launch, figures in zip(launches, results.servers, strict=True):
            server = stack.enter_context(running(launch))
            servers.append(server)
            figures.rss_gib = server.usage().rss_bytes / _GIB
            figures.note = _precision_note(server)
            log(f"{server.name} is up, {figures.rss_gib:.2f} GiB {figures.note}")
        results.cosines.update(_warm_up(servers, numbers, media))
        imports = any(scenario.kind == IMPORT for scenario in scenarios)
        weaviates = {
            server.name: stack.enter_context(weaviate_before(server.port, paths))
            for server in servers
            if imports and server.name != PEER
        }
        for number in range(max((s.rounds for s in scenarios), default=0)):
            for scenario in of_round(scenarios, number):
                for server in servers:
                    weaviate = weaviates.get(server.name, 0)
                    if scenario.kind == IMPORT and not weaviate:
                        continue
                    sample = measure(scenario, server.port, numbers, media, number, weaviate)
                    results.add(scenario, server.name, sample)
                    log(f"round {number + 1}  {scenario.name:<22} {server.name:<9} {_summary(sample)}")
        for server, figures in zip(servers, results.servers, strict=True):
            figures.end_rss_gib = server.usage().rss_bytes / _GIB
    return results


def _warm_start_s(launch: LaunchConfig) -> float:
    """Return the seconds until a server is ready that starts a second time.

    The first start converts the weights where that was not done, and leaves in memory what it read. With all
    servers up, that would be pushed out.
    """
    for _ in range(2):
        with running(launch) as server:
            ready_s = server.ready_s
    return ready_s


def _precision_note(server: RunningServer) -> str:
    """Return a word if the server runs at another precision than asked: its self-check may have refused."""
    found = server.meta().get("precision", server.name)
    return "" if server.name == PEER or found == server.name else f"(runs at {found}: its self-check refused)"


def _warm_up(
    servers: list[RunningServer], numbers: Iterator[int], media: Path
) -> dict[tuple[str, str], float]:
    """Ask all for the same item of each modality; return the cosine of each answer to the first server's."""
    cosines = {}
    for kind in Modality:
        content = request_body(kind, next(numbers), media)
        vectors = {server.name: server.vectors(content, kind.vector_key)[0] for server in servers}
        first = vectors[servers[0].name]
        cosines.update({(kind.value, name): cosine(vector, first) for name, vector in vectors.items()})
    return cosines


def cosine(a: Sequence[float], b: Sequence[float]) -> float:
    """Return the cosine of two vectors."""
    return sum(x * y for x, y in zip(a, b, strict=True)) / (math.hypot(*a) * math.hypot(*b))


def _summary(sample: Sample) -> str:
    failed = f"  {sample.failed} FAILED" if sample.failed else ""
    return f"{sample.rate:8.3f} /s  ({len(sample.milliseconds)} in {sample.elapsed_s:.1f} s){failed}"
