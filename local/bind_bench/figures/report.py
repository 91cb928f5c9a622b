"""Prints the tables on the terminal: the ratios, and every figure that has a target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from bind_bench.figures.page import NONE, format_spread
from bind_bench.figures.results import Results, measured_figures

if TYPE_CHECKING:
    from rich.console import Console


def print_report(console: Console, results: Results) -> None:
    """Print the ratios and then each figure beside its target."""
    if results.has_peer:
        ratios = Table(
            "scenario",
            *(server.name for server in results.ours),
            title="requests/s, ours / peer: median (least to greatest)",
        )
        for scenario in results.scenarios:
            cells = [format_spread(results.ratio(scenario, server.name)) for server in results.ours]
            if any(cell != NONE for cell in cells):
                ratios.add_row(scenario.name, *cells)
        console.print(ratios)
    figures = Table("figure", "measured", "asked", "", title="figures to reach")
    for figure in measured_figures(results):
        sign = ">=" if figure.at_least else "<="
        word = Text("reached", "green") if figure.reached else Text("MISSED", "bold red")
        figures.add_row(
            figure.what,
            f"{figure.value:.2f} {figure.unit}",
            f"{sign} {figure.target:g} {figure.unit}",
            word,
        )
    console.print(figures)
    for failure in results.failures():
        console.print(f"failed requests: {failure}", style="bold red")
