"""Tools that deploy from Git share a repository, and the resource that a team keeps in it."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from bind_local import topology as net
from support import git_server
from support.git_server import Repository

NAME = "search"
_RESOURCE: dict[str, Any] = {
    "apiVersion": "bindvectorizer.dev/v1alpha1",
    "kind": "BindVectorizer",
    "metadata": {"name": NAME},
    "spec": {
        "inference": {
            "model": {"name": "Tiny"},
            "resources": {"requests": {"cpu": "50m", "memory": "384Mi"}, "limits": {"memory": "3Gi"}},
        },
        "weaviate": {
            "authentication": {"anonymousAccess": True},
            "storage": {"size": "1Gi"},
            "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "2Gi"}},
        },
    },
}


def small_search() -> dict[str, Any]:
    """Return a resource of its own, open and small."""
    return copy.deepcopy(_RESOURCE)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Repository]:
    """A repository, reached over HTTP."""
    with git_server.serving(tmp_path_factory.mktemp("git"), net.HOST_IP) as repository:
        yield repository
