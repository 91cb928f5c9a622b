"""Fixtures of the stories: the local cluster with the operator in it, and a namespace for each story."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import weaviate

from bind_demo.cluster.kube import Kube
from support.on_cluster import cluster, operator, pytest_runtest_makereport
from support.story import Story

__all__ = ["cluster", "operator", "pytest_runtest_makereport"]

FIXTURES = Path(__file__).parent / "fixtures"


@pytest.fixture(scope="module")
def story(operator: Kube, request: pytest.FixtureRequest) -> Iterator[Story]:
    """The namespace of one test file, named after it, with the fixtures folder of the same name."""
    name = request.path.stem.removeprefix("test_")
    story = Story(operator, f"e2e-{name.replace('_', '-')}", FIXTURES / name)
    story.open()
    yield story
    story.close()


@pytest.fixture(scope="module")
def client(story: Story, request: pytest.FixtureRequest) -> Iterator[weaviate.WeaviateClient]:
    """A client of the Weaviate of resource.yaml, once the resource, the module's NAME, is Ready."""
    story.apply("resource.yaml")
    story.wait_ready(request.module.NAME)
    with story.client(request.module.NAME) as client:
        yield client
