"""What docker compose needs here: its real command line, and podman with the images that are built here."""

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bind_local.images import catalog, publish
from bind_local.paths import Paths
from bind_local.settings import Settings
from support.tools import binary

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
BUSYBOX = Path("/bin/busybox")
PROCESSES = 4096
CONTAINERS = """\
[containers]
default_ulimits = ["nofile={files}:{files}", "nproc={processes}:{processes}"]
[engine]
cgroup_manager = "cgroupfs"
runtime = "runc"
events_logger = "file"
[network]
network_backend = "netavark"
"""
STORAGE = """\
[storage]
driver = "overlay"
graphroot = "{root}/graph"
runroot = "{root}/run"
[storage.options]
additionalimagestores = ["{store}"]
"""


@dataclass(frozen=True)
class Machine:
    """It is a folder in which programs find docker compose, podman, Helm and bindctl."""

    folder: Path
    environment: dict[str, str]

    def run(self, script: str, timeout_s: float) -> str:
        """Run a script of bash beside podman, in namespaces of its own; return what it prints."""
        namespaces = ("--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child")
        ran = subprocess.run(
            ["unshare", *namespaces, str(HERE / "machine.sh"), "bash", "-euxo", "pipefail", "-c", script],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout[-6000:]
        return ran.stdout


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder for the PATH, with the programs that the page calls by name."""
    folder = tmp_path_factory.mktemp("bin")
    # The plugin is called as `docker compose`, by a docker that may not be there.
    shims = {
        "docker": f'shift\nexec {binary("compose/cmd")} "$@"',
        "bindctl": f'PYTHONPATH={ROOT}/operator exec {sys.executable} -m bindctl "$@"',
        "python": f'exec {sys.executable} "$@"',
        "helm": f'exec {binary("helm")} "$@"',
    }
    for name, line in shims.items():
        (folder / name).write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
        (folder / name).chmod(0o755)
    return folder


@pytest.fixture
def machine(tmp_path: Path, programs: Path) -> Iterator[Machine]:
    """Return a machine with the images of Weaviate, the gate and the inference server."""
    for program in ("podman", str(BUSYBOX)):
        if shutil.which(program) is None:
            pytest.fail(f"{program} is not installed; run `make test-pipelines`", pytrace=False)
    paths = Paths(Settings().cache_folder())
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    store = paths.buildah / "store"
    (tmp_path / "containers.conf").write_text(
        CONTAINERS.format(files=files, processes=PROCESSES), encoding="utf-8"
    )
    (tmp_path / "storage.conf").write_text(STORAGE.format(root=tmp_path, store=store), encoding="utf-8")
    server = publish.images_without_gpus(paths)[1]
    environment = os.environ | {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "CONTAINERS_CONF": str(tmp_path / "containers.conf"),
        "CONTAINERS_STORAGE_CONF": str(tmp_path / "storage.conf"),
        # A path to a socket must be short, and this one is in a mount of the run alone.
        "DOCKER_HOST": "unix:///run/podman.sock",
        "BIND_OPERATOR_IMAGES__INFERENCE__CPU__TAG": server.tag,
    }
    story = tmp_path / "story"
    story.mkdir()
    made = Machine(story, environment)
    for image in (catalog.caddy(paths), catalog.weaviate(paths)):
        _give_wget(made, image.reference)
    yield made
    _remove_control_groups()


def _give_wget(machine: Machine, reference: str) -> None:
    """Give an image what the official one has, and the one that is built here has not."""
    folder = machine.folder.parent / "wget"
    folder.mkdir(exist_ok=True)
    shutil.copy(BUSYBOX, folder / "wget")
    lines = (f"FROM {reference}", "COPY wget /bin/wget", "ENV PATH=/usr/bin:/bin")
    (folder / "Dockerfile").write_text("\n".join(lines) + "\n", encoding="utf-8")
    flags = ("--isolation", "chroot", "--network", "host", "--pull=never", "--quiet", "--tag", reference)
    machine.run(f"podman build {' '.join(flags)} {folder}", timeout_s=120)


def _remove_control_groups() -> None:
    """Remove the empty groups in which podman's containers were."""
    for top in Path("/sys/fs/cgroup").glob("**/libpod_parent"):
        for group, _, _ in os.walk(top, topdown=False):
            Path(group).rmdir()
