"""Fixtures of the tests with metrics-server: the local cluster, our operator, and a namespace."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bind_demo.cluster.kube import Kube
from support.on_cluster import cluster, operator, pytest_runtest_makereport
from support.story import Story

from .processes import running_metrics_server

__all__ = ["cluster", "operator", "pytest_runtest_makereport"]


@pytest.fixture(scope="session")
def metrics_server(cluster: Kube, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """metrics-server, running, and known to the API server."""
    with running_metrics_server(cluster, tmp_path_factory.mktemp("metrics-server")):
        yield


@pytest.fixture(scope="module")
def story(operator: Kube, request: pytest.FixtureRequest) -> Iterator[Story]:
    """The namespace of the tests."""
    story = Story(operator, "hpa-scaling", Path(__file__).parent)
    story.open()
    yield story
    story.close()
