"""The page of Weaviate's versions, made of what `make test-pipelines` saw of each. Pure."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

RESULTS = "tests/pipelines/weaviate/results.json"
PAGE = "docs/reference/weaviate-versions.md"
MADE_BY = f"<!-- made by `make generate` from {RESULTS}; do not edit -->"
NOT_RUN = "not run yet"
HEADER = f"""{MADE_BY}
# Versions of Weaviate

Each of these was run by `make test-pipelines`, and what stands here is what those tests saw. Any other \
version may be set in `spec.weaviate.version`, too; nobody has tried it here.

"""
UPGRADES = """
## From one to the next

One Weaviate pod, and searches by text one after another all the while, ten a second where they are answered \
at once. With one pod nothing answers while it is replaced. After each step every object has the vector that \
it had, and a search has the same hits.

"""
FOOTER = """
The operator goes up by one minor version at a time; over more than one, or back, it goes \
[only with your consent](../how-to/change.md#accept-a-change-that-breaks-data), as Weaviate's own advice is. \
What differs between the versions, and what the gate and the charts rely on in each: \
[Weaviate, version by version](../concepts/weaviate-versions.md).
"""
ROWS = {
    "searches": "searches of the demo that find the right thing, Python and TypeScript",
    "import": "objects stored of an import in which both inference pods are killed",
    "without inference": "serves keywords and vectors without an inference pod",
    "start without inference": "starts without an inference pod",
    "resends": "sends a call again when a used connection breaks under it",
    "streams": "takes an import as one stream of gRPC",
    "blobHash": "has the data type `blobHash`",
}

Results = Mapping[str, Mapping[str, Any]]


def page(results: Results, default: str) -> str:
    """Return the page. results: by version, what the tests saw of it; what lacks is said not to have run."""
    versions = sorted(results, key=lambda version: tuple(map(int, version.split("."))))
    heads = [f"{version} (default)" if version == default else version for version in versions]
    rows = [["", *heads]]
    rows += [
        [what, *(_said(results[version].get(name)) for version in versions)] for name, what in ROWS.items()
    ]
    return HEADER + _table(rows) + _upgrades(results, versions) + FOOTER


def _upgrades(results: Results, versions: Sequence[str]) -> str:
    rows = [["from", "to", "objects after", "seconds without an answer", "failed searches"]]
    for older, newer in pairwise(versions):
        seen = results[newer].get("upgrade")
        if seen is None:
            rows.append([older, newer, NOT_RUN, "", ""])
        else:
            failed = _said([seen["failed"], seen["searches"]])
            rows.append([seen["from"], newer, _said(seen["objects"]), f"{seen['away_s']:.1f}", failed])
    return UPGRADES + _table(rows)


def _said(value: Any) -> str:
    match value:
        case None:
            return NOT_RUN
        case bool():
            return "yes" if value else "no"
        case [part, whole]:
            return f"{part} of {whole}"
    raise TypeError(f"{value!r} is nothing that the tests write down")


def _table(rows: Sequence[Sequence[str]]) -> str:
    lines = [rows[0], ["---"] * len(rows[0]), *rows[1:]]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
