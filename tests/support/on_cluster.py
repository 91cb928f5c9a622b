"""Fixtures of all tests on the local cluster; a folder's conftest.py imports what its tests need."""

from collections.abc import Generator

import pytest

from bind_demo.cluster.install import install_operator
from bind_demo.cluster.kube import Kube
from bind_demo.cluster.local import local_cluster, local_images
from bind_demo.errors import DemoError
from support.diagnostics import describe_namespace, describe_operator
from support.story import Story

OPERATOR_NAMESPACE = "bind-system"


@pytest.fixture(scope="session")
def cluster() -> Kube:
    """Return the running local cluster; the tests fail, and do not skip, without it."""
    try:
        return local_cluster()
    except DemoError as error:
        pytest.fail(f"{error}: {error.remedy}", pytrace=False)


@pytest.fixture(scope="session")
def operator(cluster: Kube) -> Kube:
    """Return the cluster with the operator of this checkout, installed by its chart."""
    try:
        install_operator(cluster, OPERATOR_NAMESPACE, local_images())
    except DemoError as error:
        pytest.fail(f"{error}: {error.remedy}", pytrace=False)
    return cluster


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
