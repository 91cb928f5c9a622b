"""Fixtures of the tests with KEDA: the local cluster, our operator, KEDA itself, and a namespace."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bind_demo.cluster.kube import Kube
from support.on_cluster import cluster, operator, pytest_runtest_makereport
from support.story import Story

from .processes import running_keda

__all__ = ["cluster", "operator", "pytest_runtest_makereport"]


@pytest.fixture(scope="session")
def keda(cluster: Kube, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """KEDA, installed and running."""
    with running_keda(cluster, tmp_path_factory.mktemp("keda")):
        yield


@pytest.fixture(scope="module")
def story(operator: Kube, request: pytest.FixtureRequest) -> Iterator[Story]:
    """The namespace of the tests."""
    story = Story(operator, "keda-scaling", Path(__file__).parent)
    story.open()
    yield story
    story.close()
