"""Fixtures of backups on the local cluster: our operator, a namespace, a reader's shell, and S3 beside it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bind_demo.cluster.kube import Kube
from bind_local.topology import HOST_IP
from pipelines.backups.conftest import BUCKET, KEYS
from pipelines.backups.places import running
from support.on_cluster import cluster, operator, pytest_runtest_makereport
from support.pages import Shell
from support.ports import free_ports
from support.story import Story
from support.tools import binary

__all__ = ["cluster", "operator", "pytest_runtest_makereport"]

NAMESPACE = "backups"
REGION = "eu-west-1"
"""As the page has it."""


@pytest.fixture(scope="module")
def story(operator: Kube) -> Iterator[Story]:
    """The namespace of the tests."""
    story = Story(operator, NAMESPACE, Path(__file__).parent)
    story.open()
    yield story
    story.close()


@pytest.fixture(scope="module")
def shell(story: Story) -> Shell:
    """A reader's shell, whose kubectl is in that namespace."""
    return Shell(kubectl=[*story.kube.kubectl_args(), "-n", story.namespace])


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that speaks S3 on this machine, where pods reach it; its host and port."""
    folder, (port,) = tmp_path_factory.mktemp("s3"), free_ports(1)
    (folder / "files" / BUCKET).mkdir(parents=True)
    keys = ["--access", KEYS["AWS_ACCESS_KEY_ID"], "--secret", KEYS["AWS_SECRET_ACCESS_KEY"]]
    command = [str(binary("versitygw")), "--port", f"{HOST_IP}:{port}", "--region", REGION, *keys]
    with running([*command, "posix", str(folder / "files")], port, folder, HOST_IP):
        yield f"{HOST_IP}:{port}"
