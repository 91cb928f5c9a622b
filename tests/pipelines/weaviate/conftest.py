"""Fixtures of the tests of Weaviate's versions: a namespace with a resource, and what is written down."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bind_local.programs.modules import WEAVIATES
from bind_release.weaviate_versions import RESULTS
from support.on_cluster import cluster, operator, pytest_runtest_makereport

__all__ = ["cluster", "operator", "pytest_runtest_makereport"]

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
Results = dict[str, dict[str, Any]]


@pytest.fixture(scope="session")
def results() -> Iterator[Results]:
    """By version, what the tests saw of it, which each writes down last; for the page of versions.

    That page and these results are part of the checkout, so that only RECORD=1 writes them. A run of some
    of the tests renews what these saw.
    """
    seen: Results = {module.version(): {} for module in WEAVIATES}
    yield seen
    if os.environ.get("RECORD"):
        file = ROOT / RESULTS
        before = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        merged = {version: before.get(version, {}) | found for version, found in seen.items()}
        file.write_text(json.dumps(merged, indent=2, sort_keys=True) + "\n", encoding="utf-8")


@pytest.fixture(scope="session")
def resource() -> str:
    """Return the manifest of the resource `versions`, in which VERSION stands for Weaviate's."""
    text = (HERE / "resource.yaml").read_text(encoding="utf-8")
    assert yaml.safe_load(text)["spec"]["weaviate"]["version"] == "VERSION"
    return text
