"""The fixtures are the local cluster with our operator, and a namespace."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bind_demo.cluster.kube import Kube
from support.on_cluster import cluster, operator, pytest_runtest_makereport
from support.story import Story

__all__ = ["cluster", "operator", "pytest_runtest_makereport"]


@pytest.fixture(scope="module")
def story(operator: Kube) -> Iterator[Story]:
    """The namespace of the resource whose images are mirrored."""
    story = Story(operator, "air-gap", Path(__file__).parent)
    story.open()
    yield story
    story.close()
