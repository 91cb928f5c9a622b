"""The fixtures are the local cluster, our operator, Flux, a git server and a namespace."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bind_demo.cluster.kube import Kube
from support.gitops import repository
from support.on_cluster import cluster, operator, pytest_runtest_makereport
from support.story import Story

from .processes import running_flux

__all__ = ["cluster", "operator", "pytest_runtest_makereport", "repository"]


@pytest.fixture(scope="module")
def flux(operator: Kube, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Flux, installed and running."""
    with running_flux(operator, tmp_path_factory.mktemp("flux")):
        yield


@pytest.fixture(scope="module")
def story(operator: Kube) -> Iterator[Story]:
    """The namespace that Flux applies to."""
    story = Story(operator, "flux-shop", Path(__file__).parent)
    story.open()
    yield story
    story.close()
