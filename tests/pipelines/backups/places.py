"""Servers that speak the protocols of Azure Blob Storage and Google Cloud Storage, on loopback."""

import base64
import contextlib
import hashlib
import hmac
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from typing import Any

import httpx

from bind_local.paths import LOCAL, cache_folder
from integration.server_process import ServerProcess
from support.ports import free_ports
from support.tools import binary
from support.waiting import until

START_S = 30
NPM_S = 600
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Azurite's own, which its documentation names."""


@dataclass(frozen=True)
class Place:
    """It is where backups go: what the resource says of it, and what the pods have in their environment."""

    backend: str
    backup: dict[str, Any]
    """`spec.weaviate.backup`, without a schedule."""
    environment: dict[str, str | None]
    """Weaviate's, as the chart would have it, with what is in Secrets."""
    secrets: dict[str, str] = field(default_factory=dict)
    """What the pods have besides the CronJob's plain variables."""


def listens(port: int, host: str = "127.0.0.1") -> bool:
    """Say whether something listens at a port."""
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=1):
        return True
    return False


@contextlib.contextmanager
def running(command: list[str], port: int, folder: Path, host: str = "127.0.0.1") -> Iterator[None]:
    """Run a server until it is no longer needed; yield once it listens."""
    server = ServerProcess(command, folder)
    server.start()
    try:
        until(lambda: listens(port, host), START_S, f"{Path(command[0]).name} listens", poll_s=0.1)
        yield
    finally:
        server.stop()


@contextlib.contextmanager
def google(folder: Path, bucket: str) -> Iterator[Place]:
    """Run fake-gcs-server with an empty bucket."""
    (port,) = free_ports(1)
    command = [
        *(str(binary("fake-gcs-server")), "-scheme", "http", "-host", "127.0.0.1", "-port", str(port)),
        *("-backend", "memory", "-public-host", f"127.0.0.1:{port}"),
    ]
    with running(command, port, folder):
        httpx.post(f"http://127.0.0.1:{port}/storage/v1/b", json={"name": bucket}).raise_for_status()
        secrets = {"STORAGE_EMULATOR_HOST": f"127.0.0.1:{port}"}
        environment = {
            "ENABLE_MODULES": "multi2vec-bind,backup-gcs",
            "BACKUP_GCS_BUCKET": bucket,
            "BACKUP_GCS_PATH": "prod",
            "GOOGLE_CLOUD_PROJECT": "shop",
            "BACKUP_GCS_USE_AUTH": "false",
        }
        backup = {"gcs": {"bucket": bucket, "path": "prod", "project": "shop"}}
        yield Place("gcs", backup, environment | secrets, secrets)


@contextlib.contextmanager
def azure(folder: Path, container: str) -> Iterator[Place]:
    """Run Azurite with an empty container."""
    (port,) = free_ports(1)
    main = azurite() / "dist/src/blob/main.js"
    command = [
        *("node", str(main), "--blobHost", "127.0.0.1", "--blobPort", str(port)),
        *("--location", str(folder / "azurite"), "--silent", "--skipApiVersionCheck"),
    ]
    with running(command, port, folder):
        endpoint = f"http://127.0.0.1:{port}/{ACCOUNT}"
        make_container(endpoint, container)
        text = (
            f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint={endpoint};"
        )
        secrets = {"AZURE_STORAGE_CONNECTION_STRING": text}
        environment = {
            "ENABLE_MODULES": "multi2vec-bind,backup-azure",
            "BACKUP_AZURE_CONTAINER": container,
            "BACKUP_AZURE_PATH": "prod",
        }
        backup = {"azure": {"container": container, "path": "prod", "credentialsSecret": "backup-azure"}}
        yield Place("azure", backup, environment | secrets, secrets)


def make_container(endpoint: str, container: str) -> None:
    """Make a container, with a request that is signed by the account's key."""
    date, version = formatdate(time.time(), usegmt=True), "2021-08-06"
    headers = f"x-ms-date:{date}\nx-ms-version:{version}\n"
    resource = f"/{ACCOUNT}/{ACCOUNT}/{container}\nrestype:container"
    signed = f"PUT{chr(10) * 12}{headers}{resource}"
    digest = hmac.new(base64.b64decode(KEY), signed.encode(), hashlib.sha256).digest()
    answer = httpx.put(
        f"{endpoint}/{container}?restype=container",
        headers={
            "x-ms-date": date,
            "x-ms-version": version,
            "Authorization": f"SharedKey {ACCOUNT}:{base64.b64encode(digest).decode()}",
        },
    )
    answer.raise_for_status()


def azurite() -> Path:
    """Return the folder of Azurite's package, which npm installs once for each lock file."""
    pins = LOCAL / "node/azurite"
    lock = (pins / "package-lock.json").read_bytes()
    home = cache_folder(None, None) / f"azurite-{hashlib.sha256(lock).hexdigest()[:12]}"
    if not (home / "whole").exists():
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(pins, home)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run(command, cwd=home, check=True, timeout=NPM_S)
        (home / "whole").touch()
    return home / "node_modules/azurite"
