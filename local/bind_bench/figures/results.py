"""The results of a run: what was measured, and the figures that follow from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bind_bench.figures.stats import Spread, percentile, ratios, spread
from bind_bench.figures.targets import (
    BESIDE_P99,
    COST_MS,
    IMPORT_KEPT,
    META_MS,
    RATIO_TARGETS,
    READY_S,
    RSS_GIB,
    TEXT_WEIGHT_GB,
    WORK_KEPT,
    Figure,
)
from bind_bench.workload.scenarios import BESIDE, IMPORT, Scenario, find, most_clients

if TYPE_CHECKING:
    from bind_bench.workload.sample import Sample

PEER = "peer"


@dataclass
class ServerFigures:
    """The figures of one server. name: PEER, or the precision of ours."""

    name: str
    ready_s: float = 0
    rss_gib: float = 0
    end_rss_gib: float = 0
    note: str = ""


@dataclass
class Results:
    """The results of a whole run. samples: by (scenario, server), one for each round.

    read_gb_per_s: at which all cores together read memory, 0 where nobody measured it.
    """

    scenarios: list[Scenario]
    servers: list[ServerFigures]
    samples: dict[tuple[str, str], list[Sample]] = field(default_factory=dict)
    cosines: dict[tuple[str, str], float] = field(default_factory=dict)
    cost_ms: list[float] = field(default_factory=list)
    read_gb_per_s: float = 0

    @property
    def ours(self) -> list[ServerFigures]:
        """Our servers, without the peer."""
        return [server for server in self.servers if server.name != PEER]

    @property
    def has_peer(self) -> bool:
        """Say whether the peer took part."""
        return len(self.ours) < len(self.servers)

    def add(self, scenario: Scenario, server: str, sample: Sample) -> None:
        """Keep a sample."""
        self.samples.setdefault((scenario.name, server), []).append(sample)

    def rates(self, scenario: Scenario, server: str) -> list[float]:
        """Return the requests per second of each round."""
        return [sample.rate for sample in self.samples.get((scenario.name, server), [])]

    def ratio(self, scenario: Scenario, server: str) -> Spread | None:
        """Return ours / peer over the rounds; None when one of them has no such scenario."""
        values = ratios(self.rates(scenario, server), self.rates(scenario, PEER))
        return spread(values) if values else None

    def p99_ms(self, scenario: Scenario, server: str) -> float:
        """Return the p99 over all requests of a scenario."""
        return percentile([ms for s in self.samples[scenario.name, server] for ms in s.milliseconds], 0.99)

    def meta_p99_ms(self, server: str) -> float | None:
        """Return the p99 of /meta over all scenarios; None when it was never asked."""
        values = [
            ms
            for (_, name), found in self.samples.items()
            if name == server
            for s in found
            for ms in s.meta_ms
        ]
        return percentile(values, 0.99) if values else None

    def failures(self) -> list[str]:
        """Return a line for each scenario in which a request failed."""
        counts = {key: sum(sample.failed for sample in found) for key, found in self.samples.items()}
        return [
            f"{scenario} on {server}: {count} failed" for (scenario, server), count in counts.items() if count
        ]

    def beside(self) -> list[Scenario]:
        """Return the scenarios of texts while others keep the model busy."""
        return [scenario for scenario in self.scenarios if scenario.kind in BESIDE]

    def p99_beside(self, scenario: Scenario, server: str) -> float | None:
        """Return the p99 of texts beside others as a multiple of theirs alone; None if one is not there."""
        alone = find(self.scenarios, "text", scenario.clients)
        if alone is None or not all((one.name, server) in self.samples for one in (alone, scenario)):
            return None
        return self.p99_ms(scenario, server) / self.p99_ms(alone, server)

    def work_kept(self, scenario: Scenario, server: str) -> float | None:
        """Return the shares of their rates alone that texts and others reach together, the median of rounds.

        None where a rate alone was not measured, or others are too slow for a rate.
        """
        other, clients = BESIDE[scenario.kind]
        texts = find(self.scenarios, "text", scenario.clients)
        others = find(self.scenarios, other, clients)
        if texts is None or others is None or clients == 1:
            return None
        found = self.samples.get((scenario.name, server), [])
        beside = [sample.others / sample.elapsed_s for sample in found]
        shares = [
            a + b
            for a, b in zip(
                ratios(self.rates(scenario, server), self.rates(texts, server)),
                ratios(beside, self.rates(others, server)),
                strict=False,
            )
        ]
        return spread(shares).median if shares else None

    def import_kept(self, server: str) -> Spread | None:
        """Return the rate of an import by Weaviate and the gate to the server's own, over the rounds."""
        through, direct = (most_clients(self.scenarios, kind) for kind in (IMPORT, "image"))
        if through is None or direct is None or through.clients != direct.clients:
            return None
        values = ratios(self.rates(through, server), self.rates(direct, server))
        return spread(values) if values else None

    def text_read_gb_per_s(self, server: str) -> float | None:
        """Return at which speed a text alone reads its weights; None where it was not measured."""
        alone = find(self.scenarios, "text", 1)
        if alone is None or server not in TEXT_WEIGHT_GB or not self.samples.get((alone.name, server)):
            return None
        found = [ms for s in self.samples[alone.name, server] for ms in s.milliseconds]
        return TEXT_WEIGHT_GB[server] / (spread(found).median / 1000) if found else None


def measured_figures(results: Results) -> list[Figure]:
    """Return every figure that has a target and was measured."""
    found = []
    for server in results.ours:
        precision = server.name
        for kind, targets in RATIO_TARGETS.items():
            scenario = most_clients(results.scenarios, kind)
            ratio = results.ratio(scenario, precision) if scenario else None
            if ratio and precision in targets:
                found.append(
                    Figure(f"{kind} at {precision}", ratio.median, targets[precision], "x", at_least=True)
                )
        if precision in RSS_GIB:
            found.append(
                Figure(f"RSS at {precision}", server.rss_gib, RSS_GIB[precision], "GiB", at_least=False)
            )
        meta = results.meta_p99_ms(precision)
        if meta is not None:
            found.append(Figure(f"/meta p99 at {precision}", meta, META_MS, "ms", at_least=False))
        for scenario in results.beside():
            p99 = results.p99_beside(scenario, precision)
            if p99 is not None:
                what = f"p99 of {scenario.kind} at {precision}, to alone"
                found.append(Figure(what, p99, BESIDE_P99, "x", at_least=False))
            kept = results.work_kept(scenario, precision)
            if kept is not None:
                what = f"work kept by {scenario.kind} at {precision}"
                found.append(Figure(what, 100 * kept, WORK_KEPT, "%", at_least=True))
        import_kept = results.import_kept(precision)
        if import_kept:
            what = f"import of pictures by Weaviate at {precision}, to the server's own"
            found.append(Figure(what, 100 * import_kept.median, IMPORT_KEPT, "%", at_least=True))
        if precision == "bfloat16":
            found.append(Figure(f"ready at {precision}", server.ready_s, READY_S, "s", at_least=False))
    if results.cost_ms:
        cost = spread(results.cost_ms).median
        found.append(Figure("CPU of a text with Tiny", cost, COST_MS, "ms", at_least=False))
    return found
