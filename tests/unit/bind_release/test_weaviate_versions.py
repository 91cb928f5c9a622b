"""The page of Weaviate's versions says what the tests saw, of the versions that are pinned."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from bind_local.programs.modules import WEAVIATE, WEAVIATES
from bind_release.weaviate_versions import PAGE, RESULTS, ROWS, page

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def results() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / RESULTS).read_text(encoding="utf-8"))
    return found


def test_the_page_is_made_of_the_results(results: dict[str, Any]) -> None:
    made = page(results, WEAVIATE.version())
    assert (ROOT / PAGE).read_text(encoding="utf-8") == made, "run `make generate`"


def test_the_results_are_of_the_pinned_versions(results: dict[str, Any]) -> None:
    assert set(results) == {module.version() for module in WEAVIATES}, (
        "run `make test-pipelines RECORD=1` and `make generate`"
    )


def test_nothing_that_was_seen_fell_short(results: dict[str, Any]) -> None:
    older = {newer.version(): older.version() for older, newer in pairwise(WEAVIATES)}
    for version, seen in results.items():
        assert seen.get("searches", [18, 18]) == [18, 18], version
        assert seen.get("import", [300, 300]) == [300, 300], version
        if "upgrade" in seen:
            assert seen["upgrade"]["from"] == older[version]
            assert seen["upgrade"]["objects"] == [100, 100]


def test_the_default_is_marked_and_a_failed_search_is_shown() -> None:
    seen = {"searches": [17, 18], "without inference": True, "resends": False}
    step = {"from": "1.9.0", "searches": 90, "failed": 4, "away_s": 2.25, "objects": [99, 100]}
    made = page({"1.10.1": {**seen, "upgrade": step}, "1.9.0": seen}, "1.10.1")
    assert "|  | 1.9.0 | 1.10.1 (default) |" in made
    assert "| 17 of 18 | 17 of 18 |" in made
    assert "| yes | yes |" in made
    assert "| no | no |" in made
    assert "| 1.9.0 | 1.10.1 | 99 of 100 | 2.2 | 4 of 90 |" in made


def test_what_did_not_run_is_said_not_to_have_run() -> None:
    made = page({"1.10.1": {}, "1.9.0": {}}, "1.10.1")
    assert made.count("| not run yet | not run yet |") == len(ROWS)
    assert "| 1.9.0 | 1.10.1 | not run yet |  |  |" in made
