"""The fixtures are the local cluster, our operator, Argo CD, a git server and a namespace."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bind_demo.cluster.kube import Kube
from bind_local import topology as net
from support import git_server
from support.git_server import Repository
from support.on_cluster import cluster, operator, pytest_runtest_makereport
from support.story import Story

from .processes import running_argocd

__all__ = ["cluster", "operator", "pytest_runtest_makereport"]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Repository]:
    """A repository, reached over HTTP."""
    with git_server.serving(tmp_path_factory.mktemp("git"), net.HOST_IP) as repository:
        yield repository


@pytest.fixture(scope="module")
def argocd(operator: Kube, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Argo CD, installed and running."""
    with running_argocd(operator, tmp_path_factory.mktemp("argocd")):
        yield


@pytest.fixture(scope="module")
def story(operator: Kube) -> Iterator[Story]:
    """The namespace that Argo CD applies to."""
    story = Story(operator, "argo-shop", Path(__file__).parent)
    story.open()
    yield story
    story.close()
