"""Prints the table of answers, and says whether all of them are right."""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bind_demo.client.searches import Answer

TINY_NOTE = (
    "The Tiny model has random weights: it knows an altered copy again within one modality, but a text does "
    "not find a photo. For meaning across modalities use the model ImageBindHuge."
)


def describe_hits(answer: Answer) -> str:
    """Return the hits as `coffee 0.004, cat 0.310`, or the error in one line."""
    if answer.error:
        return " ".join(answer.error.split())
    return ", ".join(f"{hit.slug} {hit.distance:.3f}" for hit in answer.hits) or "nothing"


def build_rows(answers: Iterable[Answer]) -> list[tuple[str, str, str, str]]:
    """Return a row (search, asked with, best hits, result) for each method, in the order first asked.

    A method's row shows one of its answers, a failed one if there is any, and counts them all.
    """
    by_method: dict[str, list[Answer]] = {}
    for answer in answers:
        by_method.setdefault(answer.search.method, []).append(answer)
    rows = []
    for nth, (method, group) in enumerate(by_method.items()):
        wrong = [answer for answer in group if not answer.passed]
        shown = wrong[0] if wrong else group[nth % len(group)]  # another thing in every row
        right = len(group) - len(wrong)
        result = f"pass {right}/{len(group)}" if not wrong else f"FAIL {right}/{len(group)}"
        asked = f"{shown.search.expected}: {shown.search.asked}"
        rows.append((method, asked, describe_hits(shown), result))
    return rows


def print_table(console: Console, title: str, answers: Sequence[Answer]) -> bool:
    """Print the table and return whether every answer was right."""
    columns = ("search", "asked with", "best hits, cosine distance", "result")
    table = Table(*columns, title=title, title_justify="left")
    for method, asked, hits, result in build_rows(answers):
        if method == "hybrid":
            hits += " (score)"
        style = "green" if result.startswith("pass") else "bold red"
        table.add_row(method, asked, Text(hits), Text(result, style=style))
    console.print(table)
    return all(answer.passed for answer in answers)
