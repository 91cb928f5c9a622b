"""What stories about S3 need: an API server, an operator, and versitygw on loopback."""

import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from integration.conftest import (
    _helm_looks_where_the_operator_keeps_its_records,
    apiserver,
    instance,
    operator,
    operator_kubeconfig,
    shared_operator,
)
from integration.server_process import ServerProcess
from support.ports import free_ports
from support.tools import binary
from support.waiting import until

__all__ = [
    "_helm_looks_where_the_operator_keeps_its_records",
    "apiserver",
    "instance",
    "operator",
    "operator_kubeconfig",
    "shared_operator",
]

BUCKET = "search-backups"
KEYS = {"AWS_ACCESS_KEY_ID": "backups", "AWS_SECRET_ACCESS_KEY": "a-secret-of-this-test"}


@dataclass
class S3:
    """A server that speaks S3, over a folder in which each bucket is a folder."""

    folder: Path
    port: int
    process: ServerProcess

    @property
    def environment(self) -> dict[str, str | None]:
        """What the chart gives Weaviate for it, with its keys."""
        return {
            "ENABLE_MODULES": "multi2vec-bind,backup-s3",
            "BACKUP_S3_BUCKET": BUCKET,
            "BACKUP_S3_PATH": "prod",
            "BACKUP_S3_ENDPOINT": f"127.0.0.1:{self.port}",
            "BACKUP_S3_USE_SSL": "false",
            "AWS_REGION": "us-east-1",
            **KEYS,
        }

    def start(self) -> None:
        """Start it, and wait until it listens."""
        self.process.start()
        until(self._listens, 20, "the S3 server listens", poll_s=0.1)

    def begun(self, more_than: int) -> bool:
        """Say whether more than so many backups have been begun."""
        return len(list((self.folder / BUCKET / "prod").glob("*/backup_config.json"))) > more_than

    def _listens(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False


@pytest.fixture
def s3(tmp_path: Path) -> Iterator[S3]:
    """Return a running server with an empty bucket."""
    with running_s3(tmp_path) as server:
        yield server


@contextlib.contextmanager
def running_s3(place: Path) -> Iterator[S3]:
    """Run a server with an empty bucket, its files in `place`."""
    folder, (port,) = place / "s3", free_ports(1)
    (folder / BUCKET).mkdir(parents=True)
    keys = ["--access", KEYS["AWS_ACCESS_KEY_ID"], "--secret", KEYS["AWS_SECRET_ACCESS_KEY"]]
    command = [str(binary("versitygw")), "--port", f"127.0.0.1:{port}", *keys, "posix", str(folder)]
    server = S3(folder, port, ServerProcess(command, place))
    server.start()
    yield server
    server.process.stop()
