"""The table on the terminal: every figure that has a bar."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from bind_bench.page import NONE, three
from bind_bench.results import Results, verdicts

if TYPE_CHECKING:
    from rich.console import Console


def print_report(console: Console, results: Results) -> None:
    """Print the ratios and then each figure beside its bar."""
    if results.has_peer:
        ratios = Table(
            "row",
            *(server.name for server in results.ours),
            title="requests/s, ours / peer: median (least to greatest)",
        )
        for row in results.scenarios:
            cells = [three(results.ratio(row, server.name)) for server in results.ours]
            if any(cell != NONE for cell in cells):
                ratios.add_row(row.name, *cells)
        console.print(ratios)
    figures = Table("figure", "measured", "asked", "", title="figures to reach")
    for verdict in verdicts(results):
        sign = ">=" if verdict.at_least else "<="
        word = Text("reached", "green") if verdict.reached else Text("MISSED", "bold red")
        figures.add_row(
            verdict.what,
            f"{verdict.value:.2f} {verdict.unit}",
            f"{sign} {verdict.bar:g} {verdict.unit}",
            word,
        )
    console.print(figures)
    for failure in results.failures():
        console.print(f"failed requests: {failure}", style="bold red")
