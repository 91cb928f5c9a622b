"""The page of benchmarks, as Markdown: a run writes the part of its kind of processor and keeps all else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bind_bench.errors import BenchError
from bind_bench.figures.results import PEER, Results, measured_figures
from bind_bench.figures.stats import Spread, spread
from bind_bench.figures.targets import IMPORT_KEPT, PEER_GFLOP, RATIO_TARGETS, Figure
from bind_bench.workload.scenarios import IMPORT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bind_bench.machine import Machine
    from bind_bench.workload.scenarios import Scenario

HEAD: Final = "# Benchmarks\n"
NONE: Final = "-"


@dataclass(frozen=True)
class RunContext:
    """The machine, the versions and the command to which the figures belong."""

    date: str
    machine: Machine
    load_average: float
    our_versions: str
    peer_versions: str
    relaxed: tuple[str, ...]
    command: str
    minutes: float


def kind_of(machine: Machine) -> str:
    """Return which part of the page a machine's run writes.

    Precisions compare in another way where a processor multiplies them in tiles, so each kind has its own.
    """
    return "with AMX" if any(flag.startswith("amx") for flag in machine.flags) else "without AMX"


def marks_of(machine: Machine) -> tuple[str, str]:
    """Return the lines around a machine's part; what is outside of all parts is written by hand."""
    kind = kind_of(machine)
    return f"<!-- {kind}: written by `make bench-inference` -->", f"<!-- {kind}: the end -->"


def cut(page: str, machine: Machine) -> tuple[str, str]:
    """Return what a page has before and after the machine's part; all of it is before where there is none.

    Raises BenchError if only one of the two marks is there, because nobody could say what is to be replaced.
    """
    begin, end = marks_of(machine)
    before, begun, rest = page.partition(begin)
    _, ended, after = rest.partition(end)
    if bool(begun) != bool(ended) or (not begun and end in page):
        raise BenchError(
            f"the page has one of the lines {begin!r} and {end!r}, not both in this order",
            "put both around what a run may replace, or remove both",
        )
    return (before, after) if begun else (f"{page.rstrip() or HEAD.rstrip()}\n\n", "\n")


def render(results: Results, context: RunContext, previous: str = "") -> str:
    """Return the page: the part of this kind of processor is new, all else of the `previous` page is kept.

    Raises BenchError where the previous page does not say which part that is.
    """
    parts = [
        f"## On a processor {kind_of(context.machine)}", _introduction(results), _context(results, context),
        "### Ratios to the peer", _ratio_part(results),
        "### Requests per second", _rate_table(results), *_beside(results), *_import(results),
        "### Memory, start, probes, cost", _server_table(results), _cost(results), _bandwidth(results),
        "### The same input, the same vector", _cosine_table(results),
        "### What is not reached", _missing(results),
    ]  # fmt: skip
    before, after = cut(previous, context.machine)
    begin, end = marks_of(context.machine)
    return "\n\n".join([before + begin, *filter(None, parts), end]) + after


def format_spread(values: Spread | None, digits: int = 2) -> str:
    """Return `median (least to greatest)`."""
    if values is None:
        return NONE
    return f"{values.median:.{digits}f} ({values.least:.{digits}f} to {values.greatest:.{digits}f})"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _introduction(results: Results) -> str:
    if not results.has_peer:
        return (
            "**Without the peer:** `make bench-inference` was given no `PEER`, so ours ran alone and "
            "there are no ratios. `make bench-inference PEER=<checkout of "
            "weaviate/multi2vec-bind-inference>` compares."
        )
    return (
        "Ours beside Weaviate's multi2vec-bind-inference (the peer): both on the same full-size random "
        "weights, both up at once, the scenarios interleaved (peer, ours, peer, ours), the same clients, no "
        "two items alike. "
        "Cells are the median over rounds, then least and greatest. A ratio is taken within a round."
    )


def _context(results: Results, context: RunContext) -> str:
    machine = context.machine
    rows = [
        ["date", context.date],
        [
            "machine",
            f"{machine.model}, {machine.cores} cores, {machine.memory_gib:.0f} GiB, Linux {machine.kernel}",
        ],
        ["CPU flags", " ".join(machine.flags) or "none that matter"],
        [
            "load average",
            f"{context.load_average:.1f} (over 1 minute, before the run; above 0.5, others were at work too)",
        ],
        ["ours", context.our_versions],
        ["command", f"`{context.command}`, {context.minutes:.0f} minutes"],
    ]
    if results.has_peer:
        relaxed = "; pins that cannot be had: " + ", ".join(context.relaxed) if context.relaxed else ""
        rows.insert(5, ["peer", context.peer_versions + relaxed])
    return table(["", ""], rows)


def _ratio_part(results: Results) -> str:
    if not results.has_peer:
        return "None without the peer."
    names = [server.name for server in results.ours]
    head = ["scenario", *(part for name in names for part in (f"{name}, x", "asked"))]
    return table(head, [_ratio_cells(results, scenario, names) for scenario in _plain(results)])


def _ratio_cells(results: Results, scenario: Scenario, names: Sequence[str]) -> list[str]:
    cells = [scenario.name]
    for name in names:
        target = RATIO_TARGETS.get(scenario.kind, {}).get(name) if scenario.clients > 1 else None
        cells += [format_spread(results.ratio(scenario, name)), f">= {target:g}" if target else NONE]
    return cells


def _rate_table(results: Results) -> str:
    names = [server.name for server in results.servers]
    rows = []
    for scenario in _plain(results):
        rates = [results.rates(scenario, name) for name in names]
        rows.append(
            [scenario.name, *(format_spread(spread(values), 3) if values else NONE for values in rates)]
        )
    return "Scenario: modality x clients. `mixed` is a fixed list without videos.\n\n" + table(
        ["scenario", *names], rows
    )


def _plain(results: Results) -> list[Scenario]:
    """Return the scenarios that have no part of the page for themselves."""
    return [s for s in results.scenarios if s not in results.beside() and s.kind != IMPORT]


def _import(results: Results) -> list[str]:
    scenario = next((s for s in results.scenarios if s.kind == IMPORT), None)
    rows = [
        [
            server.name,
            format_spread(spread(rates), 3),
            format_spread(results.import_kept(server.name)),
            f">= {IMPORT_KEPT / 100:g}",
        ]
        for server in results.ours
        if scenario and (rates := results.rates(scenario, server.name))
    ]
    if scenario is None or not rows:
        return []
    return [
        "### The way through Weaviate and the gate",
        f"{scenario.clients} clients insert objects of one picture each in Weaviate, which asks the server "
        "by the chart's gate; all of them are processes of this machine, and share its cores. Beside it, the "
        "same clients ask the server itself (`image` above), in the same round.",
        table(["server", "objects per second", "to the server's own", "asked"], rows),
    ]


def _bandwidth(results: Results) -> str:
    speeds = {server.name: results.text_read_gb_per_s(server.name) for server in results.ours}
    if not results.read_gb_per_s or not any(speeds.values()):
        return ""
    shares = ", ".join(
        f"{speed:.1f} GB/s at {name} ({100 * speed / results.read_gb_per_s:.0f} %)"
        for name, speed in speeds.items()
        if speed
    )
    return (
        f"One short text alone reads each weight of its model once. All cores together read memory at "
        f"{results.read_gb_per_s:.1f} GB/s here (a sum over 2 GB); the whole request, at its median, reads "
        f"the weights at {shares}."
    )


def _beside(results: Results) -> list[str]:
    rows = [
        _beside_cells(results, scenario, server.name)
        for scenario in results.beside()
        for server in results.servers
        if any(sample.milliseconds for sample in results.samples.get((scenario.name, server.name), []))
    ]
    if not rows:
        return []
    return [
        "### Texts while others keep the model busy",
        "Two clients send texts, each the next as soon as the last is answered, beside one client that sends "
        "videos of ten seconds, or eight that send pictures. Work kept: the share of its rate alone that "
        "each of the two reaches, both together; what is missing to 100 % was lost by their being together.",
        table(["scenario", "server", "p99, ms", "to alone", "texts per second", "work kept"], rows),
    ]


def _beside_cells(results: Results, scenario: Scenario, name: str) -> list[str]:
    p99, kept = results.p99_beside(scenario, name), results.work_kept(scenario, name)
    return [
        scenario.kind,
        name,
        f"{results.p99_ms(scenario, name):.0f}",
        NONE if p99 is None else f"{p99:.1f} x",
        format_spread(spread(results.rates(scenario, name))),
        NONE if kept is None else f"{100 * kept:.0f} %",
    ]


def _server_table(results: Results) -> str:
    rows = []
    for server in results.servers:
        meta = results.meta_p99_ms(server.name)
        probes = NONE if meta is None else f"{meta:.1f}"
        figures = [f"{server.rss_gib:.2f}", f"{server.end_rss_gib:.2f}", f"{server.ready_s:.1f}", probes]
        rows.append([f"{server.name} {server.note}".strip(), *figures])
    head = [
        "server", "RSS when ready, GiB", "at the end, GiB", "ready from a warm cache, s",
        "/meta p99 under load, ms",
    ]  # fmt: skip
    return table(head, rows) + "\n\nReady: at the second start, while no other server is up."


def _cost(results: Results) -> str:
    if not results.cost_ms:
        return ""
    return (
        f"CPU time of server and children for one text request with Tiny, {len(results.cost_ms)} windows of "
        f"2,000 distinct texts from 8 clients: {format_spread(spread(results.cost_ms))} ms."
    )


def _cosine_table(results: Results) -> str:
    kinds = list(dict.fromkeys(kind for kind, _ in results.cosines))
    first = results.servers[0].name
    names = [server.name for server in results.servers[1:]]
    if not names:
        return "Needs two servers."
    rows = [[kind, *(f"{results.cosines[kind, name]:.6f}" for name in names)] for kind in kinds]
    return f"Cosine to the {first} server's vector of one item of each modality:\n\n" + table(
        ["", *names], rows
    )


def _missing(results: Results) -> str:
    lines = [
        f"- {figure.sentence}.{_why(figure, results)}"
        for figure in measured_figures(results)
        if not figure.reached
    ]
    lines += [f"- Requests that failed: {failure}." for failure in results.failures()]
    return "\n".join(lines) or "Every figure that was measured is reached."


def _why(figure: Figure, results: Results) -> str:
    """Return the arithmetic behind a ratio: how fast the peer computes, and what the target asks of ours."""
    kind, _, precision = figure.what.partition(" at ")
    scenario = next((s for s in reversed(results.scenarios) if s.kind == kind), None)
    rates = results.rates(scenario, PEER) if scenario else []
    if kind not in PEER_GFLOP or figure.unit != "x" or not rates:
        return ""
    peer = spread(rates).median * PEER_GFLOP[kind]
    return (
        f" The peer computes {peer:.0f} GFLOP/s here; the target asks ours for what would be "
        f"{peer * figure.target:.0f} of the same arithmetic, and {precision} comes to "
        f"{peer * figure.value:.0f}."
    )
