"""What was measured, and the rows that follow from it."""

from __future__ import annotations

from dataclasses import dataclass, field

from bind_bench.bars import COST_MS, META_MS, RATIOS, READY_S, RSS_GIB, Verdict
from bind_bench.scenarios import BESIDE, Scenario, most_clients
from bind_bench.stats import Spread, percentile, ratios, spread

PEER = "peer"


@dataclass(frozen=True)
class Sample:
    """One row of one round on one server: requests answered in `elapsed_s`, each one's milliseconds."""

    elapsed_s: float
    milliseconds: tuple[float, ...]
    meta_ms: tuple[float, ...]
    failed: int = 0

    @property
    def rate(self) -> float:
        """Requests answered per second."""
        return len(self.milliseconds) / self.elapsed_s


@dataclass
class ServerFacts:
    """One server of a run. `name` is PEER or the precision of ours."""

    name: str
    ready_s: float = 0
    rss_gib: float = 0
    end_rss_gib: float = 0
    note: str = ""


@dataclass
class Results:
    """A whole run; `samples` by (row, server), a value for each round."""

    scenarios: list[Scenario]
    servers: list[ServerFacts]
    samples: dict[tuple[str, str], list[Sample]] = field(default_factory=dict)
    cosines: dict[tuple[str, str], float] = field(default_factory=dict)
    cost_ms: list[float] = field(default_factory=list)

    @property
    def ours(self) -> list[ServerFacts]:
        """Our servers."""
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
        """Return ours / peer over the rounds; None when one of them has no such row."""
        values = ratios(self.rates(scenario, server), self.rates(scenario, PEER))
        return spread(values) if values else None

    def p99_ms(self, scenario: Scenario, server: str) -> float:
        """Return the p99 over all requests of a row."""
        return percentile([ms for s in self.samples[scenario.name, server] for ms in s.milliseconds], 0.99)

    def meta_p99_ms(self, server: str) -> float | None:
        """Return the p99 of /meta over all the rows; None when it was never asked."""
        values = [
            ms
            for (_, name), found in self.samples.items()
            if name == server
            for s in found
            for ms in s.meta_ms
        ]
        return percentile(values, 0.99) if values else None

    def failures(self) -> list[str]:
        """Return a line for each row in which a request failed."""
        counts = {key: sum(sample.failed for sample in found) for key, found in self.samples.items()}
        return [f"{row} on {server}: {count} failed" for (row, server), count in counts.items() if count]

    def beside(self) -> Scenario | None:
        """Return the row of texts while videos are in flight."""
        return most_clients(self.scenarios, BESIDE)


def verdicts(results: Results) -> list[Verdict]:
    """Return every figure that has a bar and was measured."""
    found = []
    for server in results.ours:
        precision = server.name
        for kind, bars in RATIOS.items():
            row = most_clients(results.scenarios, kind)
            ratio = results.ratio(row, precision) if row else None
            if ratio and precision in bars:
                found.append(
                    Verdict(f"{kind} at {precision}", ratio.median, bars[precision], "x", at_least=True)
                )
        if precision in RSS_GIB:
            found.append(
                Verdict(f"RSS at {precision}", server.rss_gib, RSS_GIB[precision], "GiB", at_least=False)
            )
        meta = results.meta_p99_ms(precision)
        if meta is not None:
            found.append(Verdict(f"/meta p99 at {precision}", meta, META_MS, "ms", at_least=False))
        if precision == "bfloat16":
            found.append(Verdict(f"ready at {precision}", server.ready_s, READY_S, "s", at_least=False))
    if results.cost_ms:
        cost = spread(results.cost_ms).median
        found.append(Verdict("CPU of a text with Tiny", cost, COST_MS, "ms", at_least=False))
    return found
