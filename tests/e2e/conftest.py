"""Fixtures of the stories: the local cluster with the operator in it, and a namespace for each story."""

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
import weaviate

from bind_demo.cluster.install import install_operator
from bind_demo.cluster.kube import Kube
from bind_demo.cluster.local import local_cluster, local_images
from bind_demo.errors import DemoError
from support.diagnostics import describe_namespace, describe_operator
from support.story import Story

OPERATOR_NAMESPACE = "bind-system"
FIXTURES = Path(__file__).parent / "fixtures"


@pytest.fixture(scope="session")
def cluster() -> Kube:
    """The running local cluster; the tests fail, and do not skip, without it."""
    try:
        return local_cluster()
    except DemoError as error:
        pytest.fail(f"{error}: {error.remedy}", pytrace=False)


@pytest.fixture(scope="session")
def operator(cluster: Kube) -> Kube:
    """The cluster with the operator of this checkout, installed by its chart."""
    try:
        install_operator(cluster, OPERATOR_NAMESPACE, local_images())
    except DemoError as error:
        pytest.fail(f"{error}: {error.remedy}", pytrace=False)
    return cluster


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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the state of the cluster to the report of a failed test."""
    report = yield
    story = getattr(item, "funcargs", {}).get("story")
    if report.failed and isinstance(story, Story):
        report.sections.append((f"namespace {story.namespace}", describe_namespace(story)))
        report.sections.append(("operator", describe_operator(story)))
    return report
