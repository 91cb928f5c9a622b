"""The figures of the operator become a table and a part of the page of benchmarks: numbers in, text out."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from bind_bench.figures.stats import percentile

BEGIN = "<!-- operator: written by `make bench-operator` -->"
END = "<!-- operator: the end -->"

RSS_MIB = 250.0
IDLE_PERCENT = 2.0
INSTALL_RATIO = 1.3
REACTION_S = 2.0


@dataclass(frozen=True)
class Batch:
    """Resources installed by the operator, and the same charts by bare Helm right after; seconds of CPU."""

    resources: int
    operator_s: float
    helm_s: float

    @property
    def ratio(self) -> float:
        """The operator with its Helm, by bare Helm."""
        return self.operator_s / self.helm_s


@dataclass(frozen=True)
class Idle:
    """Resources that are ready, watched for a while."""

    resources: int
    seconds: float
    rss_mib: float
    cpu_s: float
    looks: int
    writes: Sequence[str]

    @property
    def percent(self) -> float:
        """CPU, in percent of one core."""
        return 100 * self.cpu_s / self.seconds


@dataclass(frozen=True)
class Measured:
    """All figures of a run."""

    batches: Sequence[Batch]
    idle: Idle
    reactions_s: Sequence[float]


@dataclass(frozen=True)
class Row:
    """One figure, what is asked of it, and whether that is reached."""

    name: str
    value: str
    asked: str
    holds: bool


def rows(measured: Measured) -> list[Row]:
    """Return the figures in the order of the page."""
    idle, ratios = measured.idle, [batch.ratio for batch in measured.batches]
    installed = sum(batch.resources for batch in measured.batches)
    ours, bare = (
        sum(batch.operator_s for batch in measured.batches),
        sum(batch.helm_s for batch in measured.batches),
    )
    ratio = ours / bare
    reactions = sorted(measured.reactions_s)
    fast, slow = median(reactions), percentile(reactions, 0.99)
    return [
        Row(
            f"memory, {idle.resources} at rest",
            f"{idle.rss_mib:.0f} MiB",
            f"<= {RSS_MIB:g} MiB",
            idle.rss_mib <= RSS_MIB,
        ),
        Row(
            f"CPU, {idle.resources} at rest",
            f"{idle.percent:.2f} % of a core",
            f"<= {IDLE_PERCENT:g} %",
            idle.percent <= IDLE_PERCENT,
        ),
        Row(f"writes, {idle.looks} looks at rest", str(len(idle.writes)), "0", not idle.writes),
        Row(
            f"CPU of {installed} installs, by bare Helm's",
            f"{ratio:.2f} ({min(ratios):.2f} to {max(ratios):.2f}; {ours:.1f} s by {bare:.1f} s)",
            f"<= {INSTALL_RATIO:g}",
            ratio <= INSTALL_RATIO,
        ),
        Row(f"a pod dies: Ready says so, p50 of {len(reactions)}", f"{fast:.2f} s", "", True),
        Row(
            f"a pod dies: Ready says so, p99 of {len(reactions)}",
            f"{slow:.2f} s",
            f"<= {REACTION_S:g} s",
            slow <= REACTION_S,
        ),
    ]


def part(measured: Measured, context: Sequence[tuple[str, str]]) -> str:
    """Return the part of the page, without the lines around it. context: names and values of the run."""
    lines = ["## The operator", ""]
    lines += [
        "Resources with the Tiny model on a real API server, controller manager and scheduler; kwok makes "
        "their pods ready. Installs are taken in turn with `helm install` of the same chart and values, four "
        "at a time in both cases, and CPU is the operator's with that of its Helm. A pod is deleted while no "
        "node takes another.",
        "",
        "| figure | measured | asked |",
        "| --- | --- | --- |",
        *(f"| {row.name} | {row.value} | {row.asked or '-'} |" for row in rows(measured)),
        "",
        "|  |  |",
        "| --- | --- |",
        *(f"| {name} | {value} |" for name, value in context),
    ]
    return "\n".join(lines)


def replaced(page: str, text: str) -> str:
    """Return `page` with the operator's part replaced by `text`, or added at its end."""
    before, begun, rest = page.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if bool(begun) != bool(ended):
        raise ValueError(
            f"the page has one of {BEGIN!r} and {END!r}; put both around the part, or remove both"
        )
    head, tail = (before, after) if begun else (f"{page.rstrip()}\n\n", "\n")
    return f"{head}{BEGIN}\n\n{text}\n\n{END}{tail}"
